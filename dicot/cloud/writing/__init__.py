"""From plans to objects: names claimed, intents noted, steps carried out, doubts settled."""
