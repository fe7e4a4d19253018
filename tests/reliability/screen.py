"""What one browser tab keeps: the elements on its page, widget states, and messages it may be asked to repeat.

Fed with the messages of Streamlit's websocket, as the page's own code is; `visitor.py` has the connection.
"""

import json
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

Path = tuple[int, ...]


class Screen:
    """The page as it stands."""

    def __init__(self) -> None:
        self.shown: dict[Path, Any] = {}
        self.blocks: dict[Path, Any] = {}
        self.came: dict[Path, tuple[int, float, str]] = {}
        """Run, time and fragment with which an element or a block came."""
        self.states: dict[str, WidgetState] = {}
        self.query = self.page = self.session = ""
        self.pages: dict[str, str] = {}
        """Name in the address of every page, to the name in the protocol."""
        self.polls: dict[str, float] = {}
        """Fragments that want to be drawn again and again, with their interval in seconds."""
        self.repeatable: dict[str, tuple[Any, int]] = {}
        """Messages by their digests, with the run in which the server mentioned them last."""
        self.uploads: Any = None
        self.ended = 0
        """Runs that ended so far."""
        self.ended_parts: Counter[str] = Counter()
        """Ends of fragments by their names; drawn again by themselves they are no answer to a gesture."""
        self.oldest = 2
        """Runs that a message outlives which the server does not mention again; a part that is drawn by itself ages its
        own."""
        self.last: deque[str] = deque(maxlen=12)
        """What came last, to tell when a page does not end."""
        self._run = 0

    def question(self, host: str, name: str, fragment: str = "", *, polling: bool = False) -> BackMsg:
        """What the page sends to be drawn again with its widgets as they are, whole or one fragment of it."""
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash = self.query, self.page
        asked.page_name = "" if self.page else name
        asked.fragment_id, asked.is_auto_rerun = fragment, polling
        asked.widget_states.widgets.extend(self.states.values())
        asked.cached_message_hashes.extend(self.repeatable)
        asked.context_info.timezone, asked.context_info.locale = "UTC", "en-US"
        asked.context_info.url = f"http://{host}/{name}"
        return message

    def take(self, message: ForwardMsg) -> None:
        """Take over what the server tells."""
        path = tuple(message.metadata.delta_path)
        if (kind := message.WhichOneof("type")) not in ("delta", "ref_hash"):
            self.last.append(_told(kind, message))
        match kind:
            case "new_session":
                self._run += 1
                if not message.metadata.run.fragment_ids:
                    self.polls.clear()  # whoever is still there asks again
                self.page = message.new_session.page_script_hash or self.page
                self.oldest = message.new_session.config.max_cached_message_age or self.oldest
                self.session = message.new_session.initialize.session_id or self.session
            case "navigation":
                self.pages = {p.url_pathname: p.page_script_hash for p in message.navigation.app_pages}
                self.page = message.navigation.page_script_hash or self.page
            case "delta":
                if message.metadata.cacheable:
                    self.repeatable[message.hash] = (message.delta, self._run)
                self._place(path, message.delta)
            case "ref_hash":
                delta, _ = self.repeatable[message.ref_hash]
                self.repeatable[message.ref_hash] = (delta, self._run)
                self._place(path, delta)
            case "script_finished":
                self._finished(message.script_finished, set(message.metadata.run.fragment_ids))
            case other:
                self._aside(message, other)

    def _aside(self, message: ForwardMsg, kind: str | None) -> None:
        if kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self.polls[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self.polls.pop(fragment, None)
        elif kind == "file_urls_response":
            self.uploads = message.file_urls_response

    def _place(self, path: Path, delta: Any) -> None:
        """An element takes its place; a widget tells its state, as the page does when it mounts."""
        self.came[path] = (self._run, time.perf_counter(), delta.fragment_id)
        if delta.WhichOneof("type") != "new_element":
            self.blocks[path] = delta.add_block
            return
        kind = delta.new_element.WhichOneof("type")
        self.shown[path] = element = getattr(delta.new_element, kind)
        if kind in STATES and (element.set_value or element.id not in self.states):
            told = WidgetState(id=element.id)
            STATES[kind](told, element)
            self.states[element.id] = told

    def _finished(self, how: int, fragments: set[str]) -> None:
        """Let go of what this run did not draw again."""
        if how == ForwardMsg.FINISHED_EARLY_FOR_RERUN:  # told also of a part that was drawn whole
            self.ended_parts.update(fragments)
            return
        whole = how == ForwardMsg.FINISHED_SUCCESSFULLY
        for path, (run, _, fragment) in list(self.came.items()):
            if run < self._run and (whole or fragment in fragments):
                del self.came[path]
                self.shown.pop(path, None)
                self.blocks.pop(path, None)
        ids = {getattr(element, "id", "") for element in self.shown.values()}
        ids |= {block.expandable.id for block in self.blocks.values()}
        self.states = {name: state for name, state in self.states.items() if name in ids}
        self._forget(fragments, whole)
        if whole:
            self.ended += 1
        self.ended_parts.update(fragments)

    def _forget(self, fragments: set[str], whole: bool) -> None:
        """Let go of messages that are too old, as the page's own code does."""
        for digest, (delta, run) in list(self.repeatable.items()):
            if self._run - run > self.oldest and (whole or delta.fragment_id in fragments):
                del self.repeatable[digest]

    def of_kind(self, kind: str) -> list[tuple[Path, Any]]:
        """Every element of a kind (the name of its protobuf message), from the top of the page to its end."""
        return sorted((p, e) for p, e in self.shown.items() if e.DESCRIPTOR.name == kind)

    def widget(self, key: str) -> tuple[Path, Any]:
        """A widget by the end of its key, whichever time it was made. Raises LookupError where it is not shown."""
        for path, element in self.shown.items():
            if getattr(element, "id", "").partition("~")[0].endswith(key):
                return path, element
        raise LookupError(f"the page shows no widget {key!r}")

    def metric(self, label: str) -> tuple[Path, str]:
        """A figure on the page. Raises LookupError where it is not shown."""
        for path, element in self.of_kind("Metric"):
            if element.label == label:
                return path, element.body
        raise LookupError(f"the page shows no figure {label!r}")

    def button(self, label: str) -> str:
        """The name of the first button with this label that can be pressed; empty where there is none."""
        found = [e.id for _, e in self.of_kind("Button") if e.label == label and not e.disabled]
        return found[0].removeprefix("$$ID-") if found else ""

    def offered(self, key: str) -> list[str]:
        """What can be chosen among segments or pills."""
        return [option.content for option in self.widget(key)[1].options]

    def cards(self, key: str) -> list[int]:
        """The numbers of the images in a gallery."""
        return [int(item["id"]) for item in _items(self.widget(key)[1])]

    def session_of(self, key: str) -> str:
        """The session that a component tells to be in."""
        return json.loads(self.widget(key)[1].json)["session"]

    def text(self) -> str:
        """All running text of the page."""
        return "\n".join(element.body for _, element in self.of_kind("Markdown"))

    def sources(self) -> list[str]:
        """Addresses of all pictures on the page."""
        found = [image.url for _, listed in self.of_kind("ImageList") for image in listed.imgs]
        for _, component in self.of_kind("BidiComponent"):
            found += [item["src"] for item in _items(component)]
        return [source for source in found if source.startswith("/")]


def _told(kind: str | None, message: ForwardMsg) -> str:
    """A message in a word or two."""
    parts = ",".join(f[:6] for f in message.metadata.run.fragment_ids)
    how = ForwardMsg.ScriptFinishedStatus.Name(message.script_finished) if kind == "script_finished" else ""
    return f"{time.perf_counter() % 1000:.1f} {kind} {how} {parts}".strip()


def _items(component: Any) -> list[dict[str, Any]]:
    """The cards of a gallery; none where the component is something else."""
    told = json.loads(component.json or component.mixed.json or "{}")
    return told.get("items", []) if isinstance(told, dict) else []


def _listed(state: WidgetState, element: Any) -> None:
    chosen = (
        element.raw_values if element.set_value else [element.options[i].content for i in element.default]
    )
    state.string_array_value.data.extend(chosen)


def _several(state: WidgetState, element: Any) -> None:
    chosen = element.raw_values if element.set_value else [element.options[i] for i in element.default]
    state.string_array_value.data.extend(chosen)


def _one(state: WidgetState, element: Any) -> None:
    if element.set_value:
        state.string_value = element.raw_value
    elif element.HasField("default"):
        state.string_value = element.options[element.default]


def _slider(state: WidgetState, element: Any) -> None:
    if element.options:  # a slider over words tells them
        told = element.raw_value if element.set_value else [element.options[int(i)] for i in element.default]
        state.string_array_value.data.extend(told)
    else:
        state.double_array_value.data.extend(element.value if element.set_value else element.default)


def _number(state: WidgetState, element: Any) -> None:
    value = element.value if element.set_value else element.default
    if element.data_type == type(element).INT:
        state.int_value = int(value)
    else:
        state.double_value = value


def _plain(field: str) -> Callable[[WidgetState, Any], None]:
    def told(state: WidgetState, element: Any) -> None:
        setattr(state, field, element.value if element.set_value else element.default)

    return told


STATES: dict[str, Callable[[WidgetState, Any], None]] = {
    "button_group": _listed,
    "multiselect": _several,
    "selectbox": _one,
    "radio": _one,
    "slider": _slider,
    "number_input": _number,
    "pagination": _plain("int_value"),
    "checkbox": _plain("bool_value"),
    "text_input": _plain("string_value"),
    "text_area": _plain("string_value"),
}
"""How a widget that nobody has touched tells its state, by kind."""
