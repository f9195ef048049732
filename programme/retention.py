from core.retention import Tie, tie
from programme.models import Duty, Speaker

tie(
    Tie(Duty, "user", edition="session__event__edition"),
    Tie(Speaker, "user"),
)
