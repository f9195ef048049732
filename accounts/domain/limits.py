"""How often strangers may try to sign in.

allauth's own limiter is switched off (settings): it keys on the network address, and on the day 3,000 honest people
stand behind the one address of the venue's Wi-Fi (docs/rules.md#sign-in). Ours key on the address that is asked for;
the network only meets a brake on opening accounts, since that writes to strangers.
"""

from datetime import timedelta

from core.limits import Limit

CODES_SENT = Limit("codes-sent", amount=5, per=timedelta(minutes=10))
CODES_SENT_A_DAY = Limit("codes-sent-a-day", amount=30, per=timedelta(days=1))
CODES_TRIED = Limit("codes-tried", amount=5, per=timedelta(minutes=5))
# Each is a mail to an address that somebody typed.
ADDRESSES_ASKED = Limit("addresses-asked", amount=5, per=timedelta(days=1))
ACCOUNTS_OF_A_NETWORK = Limit("accounts-of-a-network", amount=5000, per=timedelta(hours=1))
# Counted from the moment the code was made, so that no change of window hands out three more tries.
TRIES_OF_A_CODE = Limit("tries-of-a-code", amount=3, per=timedelta(hours=1))
PASSKEYS_ASKED = Brake("passkeys-asked", amount=5000, per=timedelta(hours=1))
