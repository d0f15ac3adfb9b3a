"""The services of the contract as attributes. Their types, services.pyi, are generated: tools/generate_client.py."""

from types import SimpleNamespace
from typing import Any

from sedaclient.client import Client
from sedaclient.methods import ClientMethod, services
from sedaclient.pages import paginate

__all__ = ["AsyncServices", "SyncServices", "paginate"]


class AsyncServices(Client):
    """A client whose services are found in the descriptors: `seda.messages.SendMessage`."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - services.pyi has the types
        methods = None if name.startswith("_") else services().get(name)
        if methods is None:
            raise AttributeError(f"{type(self).__name__} has no service {name}")
        service = SimpleNamespace(**{method.name: self._bind(method) for method in methods})
        self.__dict__[name] = service
        return service

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *services()]

    def _bind(self, method: ClientMethod) -> Any:  # noqa: ANN401 - services.pyi has the types
        raise NotImplementedError


SyncServices = AsyncServices
