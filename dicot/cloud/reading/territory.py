"""Where kinds matter, for accounts that may not watch them everywhere."""

from collections.abc import Callable, Iterable

from .projects import Projects


class Territory:
    """The namespaces of projects and, for what images are made of, those of public images."""

    def __init__(self, projects: Projects, *, with_images: bool) -> None:
        self._projects = projects
        self._with_images = with_images
        self._is_known = False
        self._listeners: list[Callable[[], None]] = []
        projects.listen(lambda namespace: self._tell())
        projects.synced().addCallback(lambda _: self._know())

    def namespaces(self) -> Iterable[str] | None:
        """Those of now; None while the projects are not known."""
        if not self._is_known:
            return None
        images = self._projects.image_namespaces() if self._with_images else ()
        return {*images, *self._projects.namespaces().values()}

    def listen(self, listener: Callable[[], None]) -> None:
        """Tell a listener whenever they may be others."""
        self._listeners.append(listener)

    def _know(self) -> None:
        self._is_known = True
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
