"""How often strangers may try to sign in (docs/rules.md#sign-in-limits).

allauth's own limiter is switched off (settings): it keys on the network alone, and on the day 3,000 honest people stand
behind the one address of the venue's Wi-Fi. Ours count network and address together: whoever tries somebody's address
from elsewhere uses up nothing of theirs. The address alone only slows down, and says so: its code is mailed again after
one minute, then two, four, eight (domain/codes.py); it is never refused.

The chance to guess a code stays under 1 in 100,000 in any 24 hours, whatever the number of networks: two codes can be
right at a time, the one that was asked for and the one mailed since, and 240 guesses a day of the calendar are 480 in
24 hours: 2 × 480 / 10^8 = 0.96 / 100,000. When they are spent, codes of sixteen digits are mailed instead, and nobody
waits: a server that did nothing but look at guesses, 360 a second, would look at 31 million: 2 × 3.1 × 10^7 / 10^16.
"""

from datetime import datetime, timedelta

from core.limits import Limit, give_back

# Keyed on the address that is asked for, from the network that asks.
CODES_TRIED = Limit("codes-tried", amount=5, per=timedelta(minutes=5))
# Counted from the moment the code was asked for, so that no change of window hands out three more tries.
TRIES_OF_A_CODE = Limit("tries-of-a-code", amount=3, per=timedelta(hours=1), from_then=True)
# Keyed on the address and on who shares its code; what is beyond it has other consequences than a refusal.
GUESSES_A_DAY = Limit("guesses-a-day", amount=240, per=timedelta(days=1))
MAILS_A_DAY = Limit("codes-mailed-a-day", amount=30, per=timedelta(days=1))
# Each is a mail to an address that somebody typed, and need not be theirs.
ADDRESSES_ASKED = Limit("addresses-asked", amount=5, per=timedelta(days=1))
ASKED_OF_AN_ADDRESS = Limit("asked-of-an-address", amount=10, per=timedelta(days=1))
PASSKEYS_ASKED = Limit("passkeys-asked", amount=5000, per=timedelta(hours=1))
# Keyed on the network, and given back when the code is typed: a whole venue signs up in its opening minute, while a
# script that opens accounts for addresses that are not its own comes to an end.
SIGN_UPS = Limit("sign-ups", amount=4000, per=timedelta(hours=1))
SIGN_UPS_A_DAY = Limit("sign-ups-a-day", amount=10_000, per=timedelta(days=1))


def count_sign_up(network: str, *, at: datetime) -> list[str]:
    """Count a sign-up that nobody has confirmed yet; return the marks to give back then. Raises TooMany."""
    return [limit.take(network, at=at) for limit in (SIGN_UPS, SIGN_UPS_A_DAY)]


def confirm_sign_up(marks: list[str]) -> None:
    """Uncount a sign-up whose code was typed."""
    for mark in marks:
        give_back(mark)
