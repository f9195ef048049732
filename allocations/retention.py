from allocations.models import Wish
from core.retention import Tie, tie

tie(Tie(Wish, "attendee__user", edition="session__event__edition"))
