"""The operations of KMS, API version 2016-01-20. Parameters and answers: Alibaba Cloud KMS API reference.

A line of :data:`TABLE` is an operation: handler, effect, RAM resources, REST route, parameters.
"""

from __future__ import annotations

from typing import Final

from api import handlers as h
from api.action import Action, Effect, Parameter, Product
from domain.vocabulary import Operation

_ID = "08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4fb73"

KEY_ID = Parameter("KeyId", "string", True, "The CMK: its id or its ARN.", _ID)
CONTEXT = Parameter(
    "EncryptionContext", "object", False, "Names and values that Decrypt must repeat; recorded.", {"purpose": "tls"}
)
DRY_RUN = Parameter("DryRun", "boolean", False, "Check only; always answers with an error.", False)
PLAINTEXT = Parameter("Plaintext", "string", True, "At most 6,144 bytes of UTF-8; returned verbatim.", "SGVsbG8=")
BLOB = Parameter("CiphertextBlob", "string", True, "As Encrypt or GenerateDataKey returned it.", "MDhjMzNhNmYt…")
DATA_KEY_SPEC = Parameter("KeySpec", "string", False, "AES_256 (32 bytes, default) or AES_128 (16).", "AES_256")
BYTES = Parameter("NumberOfBytes", "integer", False, "1 to 1024; wins over KeySpec.", 32)
DESCRIPTION = Parameter("Description", "string", False, "At most 8,192 characters.", "certificates of the web shop")
NEW_DESCRIPTION = Parameter("Description", "string", True, "At most 8,192 characters.", "certificates, until 2030")
USAGE = Parameter("KeyUsage", "string", False, "ENCRYPT/DECRYPT.", "ENCRYPT/DECRYPT")
KEY_SPEC = Parameter("KeySpec", "string", False, "Aliyun_AES_256.", "Aliyun_AES_256")
ORIGIN = Parameter("Origin", "string", False, "Aliyun_KMS: the material is made in the HSM.", "Aliyun_KMS")
PROTECTION = Parameter("ProtectionLevel", "string", False, "SOFTWARE (default) or HSM.", "HSM")
TAGS = Parameter("Tags", "array", False, "At most 20.", [{"TagKey": "team", "TagValue": "shop"}])
PAGE_NUMBER = Parameter("PageNumber", "integer", False, "From 1.", 1)
PAGE_SIZE = Parameter("PageSize", "integer", False, "1 to 100; 10 by default.", 10)
FILTERS = Parameter(
    "Filters", "array", False, "By KeyState, KeySpec, KeyUsage, ProtectionLevel, CreatorType.",
    [{"Key": "KeyState", "Values": ["Enabled"]}],
)  # fmt: skip
WINDOW = Parameter("PendingWindowInDays", "integer", True, "7 to 366.", 30)

_O, _R, _C, _U = Operation, Effect.READS, Effect.CHANGES, Effect.USES
_KEY, _KEYS, _NOTHING = ("key/{KeyId}",), ("key",), ()
_KMS = Product.KMS
_ONE = "/v1/keys/{KeyId}"
_DATA_KEY_PARAMETERS = (KEY_ID, DATA_KEY_SPEC, BYTES, CONTEXT, DRY_RUN)
_CREATION = (DESCRIPTION, KEY_SPEC, USAGE, ORIGIN, PROTECTION, TAGS)

# fmt: off
TABLE: Final = (
    Action(_KMS, _O.CREATE_KEY, h.create_key,                           _C, _KEYS, "POST /v1/keys",                   "Create a customer master key",       _CREATION),
    Action(_KMS, _O.LIST_KEYS, h.list_keys,                             _R, _KEYS, "GET /v1/keys",                    "List customer master keys",          (PAGE_NUMBER, PAGE_SIZE, FILTERS)),
    Action(_KMS, _O.DESCRIBE_KEY, h.describe_key,                       _R, _KEY,  f"GET {_ONE}",                     "Describe a customer master key",     (KEY_ID,)),
    Action(_KMS, _O.UPDATE_KEY_DESCRIPTION, h.update_key_description,   _C, _KEY,  f"PATCH {_ONE}",                   "Describe it in other words",         (KEY_ID, NEW_DESCRIPTION)),
    Action(_KMS, _O.ENABLE_KEY, h.enable_key,                           _C, _KEY,  f"POST {_ONE}:enable",             "Enable it",                          (KEY_ID,)),
    Action(_KMS, _O.DISABLE_KEY, h.disable_key,                         _C, _KEY,  f"POST {_ONE}:disable",            "Disable it: every use is refused",   (KEY_ID,)),
    Action(_KMS, _O.SCHEDULE_KEY_DELETION, h.schedule_key_deletion,     _C, _KEY,  f"POST {_ONE}:scheduleDeletion",   "Destroy it after a waiting period",  (KEY_ID, WINDOW)),
    Action(_KMS, _O.CANCEL_KEY_DELETION, h.cancel_key_deletion,         _C, _KEY,  f"POST {_ONE}:cancelDeletion",     "Keep it after all",                  (KEY_ID,)),
    Action(_KMS, _O.ENCRYPT, h.encrypt,                                 _U, _KEY,  f"POST {_ONE}:encrypt",            "Encrypt up to 6,144 bytes",          (KEY_ID, PLAINTEXT, CONTEXT, DRY_RUN)),
    Action(_KMS, _O.DECRYPT, h.decrypt,                                 _U, _KEY,  "POST /v1/decrypt",                "Decrypt; the blob names its key",    (BLOB, CONTEXT, DRY_RUN)),
    Action(_KMS, _O.GENERATE_DATA_KEY, h.generate_data_key,             _U, _KEY,  f"POST {_ONE}:generateDataKey",    "Make a data key, plain and wrapped", _DATA_KEY_PARAMETERS),
    Action(_KMS, _O.GENERATE_DATA_KEY_WITHOUT_PLAINTEXT, h.generate_data_key_without_plaintext,
                                                                        _U, _KEY,  f"POST {_ONE}:generateDataKeyWithoutPlaintext",
                                                                                                                      "Make a data key, wrapped only",      _DATA_KEY_PARAMETERS),
    Action(_KMS, _O.DESCRIBE_REGIONS, h.describe_regions,               _R, _NOTHING, "GET /v1/regions",              "List the regions",                   ()),
)
# fmt: on
