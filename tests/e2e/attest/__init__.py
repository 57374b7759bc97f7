"""Devices that attest (device-attest-01): a real software TPM (tpm.py and the program tpm-attest), and stand-ins of the same shape for
the formats whose hardware no test has (standin.py). The CA keys made here are throw-away."""
