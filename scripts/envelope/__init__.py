"""The envelope tool: ``key-ledger encrypt-file`` and ``decrypt-file``.

A new data key for every file comes from the KMS (GenerateDataKey). The file is encrypted here, on this machine; the
data key stays in memory and only its enveloped form goes into the file. Decrypting asks the KMS to open that envelope
(Decrypt), which it does for callers who may use the key and who repeat the EncryptionContext, and records in its
ledger.

* :mod:`~scripts.envelope.file_format`   the bytes of an enveloped file, to the offset; reading and writing its header
* :mod:`~scripts.envelope.stream`        the body: streaming authenticated encryption by Tink, in constant memory
* :mod:`~scripts.envelope.data_key`      what is asked of a KMS
* :mod:`~scripts.envelope.context_option`  what ``--context`` says
* :mod:`~scripts.envelope.kms`           data keys from a KMS through the official SDK;
  :mod:`~scripts.envelope.kms_trouble` turns the SDK's exceptions into sentences
* :mod:`~scripts.envelope.credentials`   who calls which service
* :mod:`~scripts.envelope.endpoints`     where bytes come from and go to; a file appears whole or not at all
* :mod:`~scripts.envelope.sealing`       the two recipes, free of terminals
* :mod:`~scripts.envelope.terminal`      progress, summaries, and the one place where failures become words and exit
  codes
* :mod:`~scripts.envelope.interruption`  Ctrl-C and SIGTERM
* :mod:`~scripts.envelope.commands`      the two commands and their options

What it does not do: it neither stores the EncryptionContext (whoever decrypts must know it: that is its use) nor
hides a file's name or length, and it does not compress.
"""
