"""Nova's own lists over a database in memory, run with the interpreter that has Nova.

Each line in is a question in JSON, each line out its answer. Controllers, policies, filters, sorting and pages are
Nova's, down to its SQL; only cells, build requests and addresses are left out.
"""

import json
import sys
import warnings
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

warnings.simplefilter("ignore")

import nova.conf  # type: ignore[import-not-found]  # noqa: E402
import webob  # type: ignore[import-untyped]  # noqa: E402
from nova import context, exception, objects  # noqa: E402
from nova.api.openstack import api_version_request, common, wsgi  # type: ignore[import-not-found]  # noqa: E402
from nova.api.openstack.compute import flavors, keypairs, servers  # type: ignore[import-not-found]  # noqa: E402
from nova.compute.api import KeypairAPI  # type: ignore[import-not-found]  # noqa: E402
from nova.compute.instance_list import InstanceSortContext  # type: ignore[import-not-found]  # noqa: E402
from nova.db.api import api as api_db  # type: ignore[import-not-found]  # noqa: E402
from nova.db.api import models as api_models  # noqa: E402
from nova.db.main import api as db  # type: ignore[import-not-found]  # noqa: E402
from nova.db.main import models  # noqa: E402

CONF = nova.conf.CONF
RENAMED = {"image": "image_ref", "name": "display_name", "tenant_id": "project_id"}
"""Filters by the columns that they mean (nova/compute/api.py, ``get_all``)."""
BASE = "http://localhost/v2.1"
LAYERS = ((db, models.BASE), (api_db, api_models.BASE))
TIMES = frozenset({"created_at", "updated_at", "launched_at", "terminated_at"})


class Instances(list[Any]):
    """What a list of servers is made of."""

    def fill_faults(self) -> None:
        """Faults are not listed here."""


class Compute:
    """Stands where the controller of servers has nova.compute.api: straight to the database."""

    def get_all(
        self,
        asked: Any,
        search_opts: Mapping[str, Any],
        limit: int,
        marker: str | None,
        sort_keys: list[str],
        sort_dirs: list[str],
        **_: object,
    ) -> Instances:
        filters = {RENAMED.get(key, key): value for key, value in search_opts.items() if key != "flavor"}
        if "flavor" in search_opts:
            filters["instance_type_id"] = objects.Flavor.get_by_flavor_id(asked, search_opts["flavor"]).id
        order = InstanceSortContext(sort_keys, sort_dirs)
        found = db.instance_get_all_by_filters_sort(
            asked, filters, limit, marker, [], sort_keys=order.sort_keys, sort_dirs=order.sort_dirs
        )
        return Instances(found)


class View(common.ViewBuilder):  # type: ignore[misc]
    """Shows ids and links alone."""

    def get_show_expected_attrs(self, attributes: list[str]) -> list[str]:
        return attributes

    def index(self, request: Any, found: Instances, **_: object) -> dict[str, Any]:
        links = self._get_collection_links(request, found, "servers")
        return {"servers": [{"id": each["uuid"]} for each in found], "servers_links": links}

    detail = index


def server_controller() -> Any:
    """The controller of servers, without what reaches other services."""
    made = servers.ServersController.__new__(servers.ServersController)
    made.compute_api, made._view_builder = Compute(), View()
    return made


def keypair_controller() -> Any:
    """The controller of keypairs, without notifications."""
    made = keypairs.KeypairController.__new__(keypairs.KeypairController)
    wsgi.Controller.__init__(made)
    made.api = KeypairAPI.__new__(KeypairAPI)
    return made


def prepare() -> dict[str, Any]:
    """An empty database; the operations that may be asked."""
    CONF([], project="nova", default_config_files=[])
    CONF.set_override("response_validation", "ignore", group="api")
    for group in ("database", "api_database"):
        CONF.set_override("connection", "sqlite://", group=group)
    for layer, base in LAYERS:
        layer.configure(CONF)
        base.metadata.create_all(layer.get_engine())
    objects.register_all()
    of_servers, of_flavors, of_keypairs = server_controller(), flavors.FlavorsController(), keypair_controller()
    return {
        "/servers": of_servers.index,
        "/servers/detail": of_servers.detail,
        "/flavors": of_flavors.index,
        "/flavors/detail": of_flavors.detail,
        "/os-keypairs": of_keypairs.index,
    }


def administrator() -> Any:
    """Whoever furnishes the database."""
    return context.RequestContext("nobody", "nowhere", roles=["admin"])


def empty() -> None:
    """Take all rows away."""
    for layer, base in LAYERS:
        with layer.get_engine().begin() as connection:
            for table in reversed(base.metadata.sorted_tables):
                connection.execute(table.delete())


def row(model: Any, values: Mapping[str, Any]) -> Any:
    """A row, its times read."""
    return model(
        **{key: datetime.fromisoformat(value) if value and key in TIMES else value for key, value in values.items()}
    )


def furnish(kind: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """More rows of ``servers`` (with ``tags``), ``flavors`` or ``keypairs``."""
    who = administrator()
    layer = db if kind == "servers" else api_db
    with layer.context_manager.writer.using(who):
        for values in rows:
            if kind == "servers":
                rest = {key: value for key, value in values.items() if key != "tags"}
                who.session.add(row(models.Instance, {"deleted": 0, "hidden": False, **rest}))
                who.session.add_all(models.Tag(resource_id=values["uuid"], tag=tag) for tag in values["tags"])
            elif kind == "flavors":
                rest = {key: value for key, value in values.items() if key != "projects"}
                made = row(api_models.Flavors, rest)
                made.projects = [api_models.FlavorProjects(project_id=each) for each in values["projects"]]
                who.session.add(made)
            else:
                who.session.add(row(api_models.KeyPair, values))


def listed(operations: Mapping[str, Any], question: Mapping[str, Any]) -> dict[str, Any]:
    """What Nova answers to a list: ids and the query of the next page, or its refusal."""
    asked = wsgi.Request.blank(f"{question['path']}?{urlencode(question['query'], doseq=True)}", base_url=BASE)
    asked.api_version_request = api_version_request.APIVersionRequest(question["version"])
    who = question["who"]
    asked.environ["nova.context"] = context.RequestContext(who["user"], who["project"], roles=who["roles"])
    try:
        with wsgi.ResourceExceptionHandler():
            answer = operations[question["path"]](asked)
    except wsgi.Fault as fault:
        return {"code": fault.wrapped_exc.code, "message": fault.wrapped_exc.explanation}
    except (webob.exc.HTTPException, exception.NovaException) as error:
        return {"code": 500, "message": str(error)}
    collection = next(key for key in answer if not key.endswith("_links"))
    further = answer.get(f"{collection}_links") or []
    pages = [sorted(parse_qsl(urlsplit(each["href"]).query, keep_blank_values=True)) for each in further]
    return {"code": 200, "ids": [name_of(each) for each in answer[collection]], "next": pages}


def name_of(each: Mapping[str, Any]) -> str:
    """What a member of a list is told by: a keypair has only a name."""
    return str(each["keypair"]["name"] if "keypair" in each else each["id"])


def main() -> None:
    """Answers until there are no more questions."""
    operations = prepare()
    for line in sys.stdin:
        question, said = json.loads(line), None
        if question["question"] == "furnish":
            furnish(question["kind"], question["rows"])
        elif question["question"] == "empty":
            empty()
        else:
            said = listed(operations, question)
        print(json.dumps({"said": said}), flush=True)


if __name__ == "__main__":
    main()
