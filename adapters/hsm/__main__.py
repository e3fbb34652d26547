"""``python -m adapters.hsm FOLDER LABEL LIBRARY`` makes or finishes the token of FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

from pkcs11.exceptions import PKCS11Error

from adapters.hsm.address import HsmSettingsError
from adapters.hsm.making import complete


def main(arguments: list[str]) -> int:
    """2 with a sentence for the operator on standard error; 1 with whatever went wrong."""
    folder, label, module_path = arguments
    try:
        complete(Path(folder), label, module_path)
    except HsmSettingsError as error:
        sys.stderr.write(str(error))
        return 2
    except (PKCS11Error, OSError) as error:
        sys.stderr.write(f"{type(error).__name__} {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
