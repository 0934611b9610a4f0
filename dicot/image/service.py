"""The image service: Glance v2."""

from ..cloud.service import Service
from ..config import Config
from ..faults import Fault, Forbidden
from ..web.dialects.image import Image
from .image import IMAGES


def forbidden(operation: str) -> Fault:
    """A refusal by policy (glance/common/exception.py)."""
    return Forbidden(f"You are not authorized to complete {operation} action.")


def service(config: Config) -> Service:
    """What is served of it."""
    return Service(
        name="image",
        types=(("image", "glance", "/image"),),
        dialect=Image(config.public_url),
        resources=(IMAGES,),
        forbidden=forbidden,
    )
