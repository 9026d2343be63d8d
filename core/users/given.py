"""What a person gives at the screen to prove who he is; the screen takes it from here, because the store is not its floor."""

from core.store.operation import Authorisation, Secret, Signature

__all__ = ["Authorisation", "Secret", "Signature"]
