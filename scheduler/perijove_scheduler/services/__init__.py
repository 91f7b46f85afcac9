"""What a caller may ask for: checked here, and only here, before anything is read or written for them."""

from perijove_scheduler.services.all import Services
from perijove_scheduler.services.limits import Limits

__all__ = ["Limits", "Services"]
