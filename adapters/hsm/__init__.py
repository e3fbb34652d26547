"""Hardware security modules: the ports ``Hsm`` and ``HsmSetup``, on PKCS#11 and in software.

From the outside in:

* ``opening`` makes an adapter from settings: ``inline`` (on the event loop's thread) or ``pool`` (on ``workers``).
* ``keyring`` is what both do, in one thread: region roots, unwrapped ``handles``, AES-GCM, and what an error means.
* ``token`` finds the token, logs in and knows when not to; ``roots`` makes each key on the token exactly once; by
  ``turns`` the processes of a machine do not look at a token while one of them changes it.
  What a killed login leaves of SoftHSM's token, the next one puts back (``token_copy``).
* ``session`` is one PKCS#11 session. Seldom calls go through python-pkcs11; those of every use, and those that it
  lacks, through ``cryptoki``. Both work on one library, which ``module`` initialises for several threads.
* ``software`` and ``software_file`` are the same ports without a token: not an HSM. Files are replaced whole
  (``replacing``).
* ``initialisation`` makes a SoftHSM token in a folder (``making`` does so, in a process of its own).
* ``address`` reads ``pkcs11:`` URIs.
"""

from __future__ import annotations

from adapters.hsm.address import HsmSettingsError, TokenAddress
from adapters.hsm.handles import HandleStatistics
from adapters.hsm.initialisation import TokenPlace, initialise_token
from adapters.hsm.opening import OpenHsm, open_hsm
from adapters.hsm.software import open_software_hsm

__all__ = [
    "HandleStatistics",
    "HsmSettingsError",
    "OpenHsm",
    "TokenAddress",
    "TokenPlace",
    "initialise_token",
    "open_hsm",
    "open_software_hsm",
]
