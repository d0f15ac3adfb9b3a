"""The services of the contract as attributes. Their types, services.pyi, are generated: tools/client_types.py."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from sedaclient.client import Client
from sedaclient.live import Positions, WatchState
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
        return self.method_types[method.server_streaming](self, method)

    def watch(
        self,
        room_ids: Iterable[str] = (),
        *,
        positions: Positions | None = None,
        all_my_rooms: bool = False,
        include_typing: bool = False,
    ) -> Any:  # noqa: ANN401 - services.pyi has the types
        """Watch rooms from stored positions on, else from now: see AsyncWatch."""
        state = WatchState(room_ids, positions, all_my_rooms=all_my_rooms, include_typing=include_typing)
        # Not the method that others share: a silent stream of this watch alone is cancelled.
        rpc = self._bind(next(each for each in services()["live"] if each.name == "Watch"))
        return self.watch_type(rpc, state)


SyncServices = AsyncServices
