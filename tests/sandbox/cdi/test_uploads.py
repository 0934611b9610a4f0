"""Tokens for uploads."""

from __future__ import annotations

import json
from base64 import b64decode

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.asked import Attributes, User
from dicot.sandbox.apiserver.seams import Answer, Call, Verdict
from dicot.sandbox.cdi.tokens import API_SERVER
from dicot.sandbox.cdi.uploads import Uploads

from .things import NOW, TOKENS

PATH = "/namespaces/n/uploadtokenrequests"


class Rights:
    """Lets one user ask."""

    def authorize(self, user: User, asked: Attributes) -> Verdict:
        """See Authorizer."""
        return Verdict(user.name == "uploader" and asked.namespace == "n", "nobody says so")


class UploadTests(SynchronousTestCase):
    def ask(self, body: bytes, path: str = PATH, method: str = "POST", user: str = "uploader") -> Answer:
        """What is answered."""
        uploads = Uploads(Rights(), TOKENS, lambda: NOW)
        call = Call(User(user), method, path, {}, body)
        return self.successResultOf(Deferred.fromCoroutine(uploads.answer("v1beta1", call)))

    def test_a_token(self) -> None:
        asked = {"kind": "UploadTokenRequest", "metadata": {"name": "w"}, "spec": {"pvcName": "c"}}
        answer = self.ask(json.dumps(asked).encode())
        found: Manifest = json.loads(answer.body)
        token = found.pop("status")["token"]
        self.assertEqual((answer.code, found["spec"], found["metadata"]["name"]), (200, {"pvcName": "c"}, "w"))
        claims = json.loads(b64decode(token.split(".")[1] + "==", b"-_"))
        self.assertEqual((claims["operation"], claims["name"], claims["namespace"]), ("Upload", "c", "n"))
        self.assertIsNone(TOKENS.read(token, API_SERVER, NOW), "it lets nobody clone")

    def test_what_is_none(self) -> None:
        answers = (
            self.ask(b"{}", user="nobody"),
            self.ask(b"{}", method="GET"),
            self.ask(b"{}", path=f"{PATH}/w"),
            self.ask(b""),
            self.ask(b"{"),
            self.ask(b'{"spec": {"pvcName": 1}}'),
        )
        self.assertEqual([each.code for each in answers], [401, 405, 404, 400, 400, 400])
        self.assertEqual(answers[0].body, b"nobody says so")

    def test_what_is_served_is_told(self) -> None:
        (resource,) = json.loads(self.ask(b"", path="/", method="GET").body)["resources"]
        self.assertEqual((resource["name"], resource["verbs"]), ("uploadtokenrequests", ["create"]))
