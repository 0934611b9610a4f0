// Command snapshots-objects prints the CustomResourceDefinitions of volume snapshots and groups of them as one JSON List. Its
// argument is the directory of the module github.com/kubernetes-csi/external-snapshotter/client/v8, which
// publishes them as files only.
package main

import (
	"encoding/json"
	"errors"
	"log"
	"os"
	"path/filepath"

	_ "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := write(filepath.Join(os.Args[1], "config", "crd", "*snapshot.storage.k8s.io_*.yaml")); err != nil {
		log.Fatal(err)
	}
}

func write(pattern string) error {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("no file is named " + pattern)
	}
	items := make([]json.RawMessage, 0, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		item, err := yaml.YAMLToJSON(text)
		if err != nil {
			return err
		}
		items = append(items, item)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
}
