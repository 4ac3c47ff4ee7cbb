"""JSON-RPC on pygls, mended where it was measured to break.

Every request gets exactly one answer, bad parameters and results included; nothing is kept for a message that is done;
no fault becomes a pop-up. pygls 2.1 left requests with bad parameters unanswered, kept a future for every notification
for ever, and showed each fault to the user.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol

logger = logging.getLogger(__name__)

INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32600, -32601, -32602, -32603
NOT_INITIALIZED = -32002
REQUEST_CANCELLED = -32800


class RpcProtocol(LanguageServerProtocol):
    """From a JSON message to a handler and back. Runs on the event loop; sending is safe from any thread."""

    def __init__(self, server: Any, converter: Any) -> None:
        self.initialized = False
        super().__init__(server, converter)

    @property
    def was_shut_down(self) -> bool:
        """Whether the client said `shutdown`: the end is then a good one."""
        return self._shutdown

    def change_lost(self) -> None:
        """A notification about a document came and could not be read."""

    # In.

    def receive(self, message: object) -> None:
        """One JSON message. Never raises: what is wrong is answered where it was a request, and logged."""
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            logger.warning("something that is no JSON-RPC 2.0 message was ignored")
            if isinstance(message, dict) and "method" in message and _is_id(message.get("id")):
                self._answer_error(message["id"], INVALID_REQUEST, "this is no JSON-RPC 2.0 request")
            return
        method, message_id = message.get("method"), message.get("id")
        if method is None:
            self._receive_response(message)
        elif not isinstance(method, str) or ("id" in message and not _is_id(message_id)):
            logger.warning("a message with a method or id that is none was ignored")
            if isinstance(message_id, float):
                self._answer_error(message_id, INVALID_REQUEST, "an id is a string or an integer")
        elif "id" in message:
            self._receive_request(message_id, method, message)
        else:
            self._receive_notification(method, message)

    def _receive_request(self, message_id: Any, method: str, message: dict[str, Any]) -> None:
        if self._shutdown:
            self._answer_error(message_id, INVALID_REQUEST, "the server was shut down")
        elif (method == types.INITIALIZE) == self.initialized:
            code = INVALID_REQUEST if self.initialized else NOT_INITIALIZED
            self._answer_error(message_id, code, "initialize comes first, and once")
        elif not self._has_handler(method):
            self._answer_error(message_id, METHOD_NOT_FOUND, f"there is no method {method[:100]}")
        else:
            try:
                params = self._params(method, message)
            except Exception as error:
                # cattrs raises whatever a hook raises; all of it means that the parameters do not fit.
                logger.warning("the parameters of %s do not fit: %s", method, type(error).__name__)
                self._answer_error(message_id, INVALID_PARAMS, f"the parameters do not fit {method}")
                return
            self.initialized = True
            contextvars.copy_context().run(self._handle_request, message_id, method, params)

    def _receive_notification(self, method: str, message: dict[str, Any]) -> None:
        if method != types.EXIT and (self._shutdown or not self.initialized):
            logger.warning("a notification outside the session was ignored")
            return
        if method != types.CANCEL_REQUEST and not self._has_handler(method):
            return
        try:
            params = self._params(method, message)
        except Exception as error:
            logger.warning("the parameters of %s do not fit: %s", method, type(error).__name__)
            if "/did" in method:
                self.change_lost()
            return
        contextvars.copy_context().run(self._handle_notification, method, params)

    def _receive_response(self, message: dict[str, Any]) -> None:
        message_id: Any = message.get("id")
        future = self._request_futures.pop(message_id, None) if _is_id(message_id) else None
        result_type = self._result_types.pop(message_id, None) if _is_id(message_id) else None
        if future is None or future.done():
            logger.debug("a response to no request was ignored")
            return
        try:
            if "error" in message:
                error = self._converter.structure(message["error"], types.ResponseError)
                future.set_exception(JsonRpcException.from_error(error))
            elif result_type is not None:
                future.set_result(self._converter.structure(message, result_type).result)
            else:
                future.set_result(message.get("result"))
        except Exception as problem:
            # As above; whoever waits must not wait for ever.
            logger.warning("a response of the client does not fit: %s", type(problem).__name__)
            future.set_exception(JsonRpcException("the client's response does not fit", INTERNAL_ERROR))

    def _has_handler(self, method: str) -> bool:
        return method in self.fm.builtin_features or method in self.fm.features

    def _params(self, method: str, message: dict[str, Any]) -> Any:
        message_type = self.get_message_type(method)
        if message_type is None:
            return message.get("params")
        return getattr(self._converter.structure(message, message_type), "params", None)

    # Handlers.

    def _execute_handler(
        self,
        msg_id: Any,
        handler: Callable[..., Any],
        callback: Callable[[Future[Any]], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Runs a handler, and forgets it when it is done: pygls kept a future per notification for ever."""

        def done(future: Future[Any]) -> None:
            self._request_futures.pop(msg_id, None)
            callback(future)

        super()._execute_handler(msg_id, handler, done, args, kwargs)

    def _handle_request(self, msg_id: Any, method_name: str, params: Any) -> None:
        self._ctx_msg_id.set(msg_id)
        handler = self._get_handler(method_name)
        self._execute_handler(msg_id, handler, lambda future: self._answer(future, msg_id, method_name), (params,))

    def _answer(self, future: Future[Any], msg_id: Any, method: str) -> None:
        if future.cancelled():
            self._answer_error(msg_id, REQUEST_CANCELLED, "cancelled")
            return
        error = future.exception()
        if error is None:
            self._answer_result(msg_id, method, future.result())
        elif isinstance(error, asyncio.CancelledError):
            self._answer_error(msg_id, REQUEST_CANCELLED, "cancelled")
        elif isinstance(error, JsonRpcException):
            logger.info("%s was refused: %s", method, error)
            self._answer_error(msg_id, error.code or INTERNAL_ERROR, str(error))
        else:
            logger.error("%s failed", method, exc_info=error)
            self._answer_error(msg_id, INTERNAL_ERROR, f"{method} failed ({type(error).__name__}); see the log")

    def _check_handler_result(self, future: Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            logger.error("a notification could not be handled", exc_info=error)

    # Out.

    def _answer_result(self, msg_id: Any, method: str, result: Any) -> None:
        try:
            self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "result": self._plain(result)})
        except Exception as error:
            # The handler's mistake: something in its result cannot be written as JSON.
            logger.error("the result of %s cannot be sent", method, exc_info=error)
            self._answer_error(msg_id, INTERNAL_ERROR, f"{method} failed ({type(error).__name__}); see the log")

    def _answer_error(self, msg_id: Any, code: int, message: str) -> None:
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "error": {"code": code, "message": message}})

    def _send_response(self, msg_id: Any, result: Any = None, error: types.ResponseError | None = None) -> None:
        if error is not None:
            self._answer_error(msg_id, error.code, error.message)
        else:
            self._answer_result(msg_id, "", result)

    def _plain(self, value: Any) -> Any:
        """JSON of what a handler returned: values of lsprotocol, plain JSON, or lists of them."""
        return value if isinstance(value, (dict, str)) else self._converter.unstructure(value)

    def _send_data(self, data: Any) -> None:
        if self.writer is None:
            return
        body = json.dumps(data, default=self._serialize_message, separators=(",", ":"), allow_nan=False)
        # All of it is ASCII: what is not was escaped, halves of surrogate pairs included.
        self.writer.write(f"Content-Length: {len(body)}\r\n\r\n{body}".encode())


def _is_id(value: object) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)
