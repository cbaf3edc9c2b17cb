"""Daily's REST API: rooms, tokens, presence, the domain's configuration, and calls on hold.

https://docs.daily.co/reference/rest-api. Where the documentation is silent this is stricter: unknown properties and
query parameters are refused, a body has to be declared as JSON, and a deleted room is gone at once for whoever has yet
to join, while those inside stay until they leave, are put out or their token ends, so that nobody can rely on a
deletion to end a call: Daily's blog says that it puts all out, the reference doesn't. It doesn't prove Daily's latency,
or how soon presence shows a change.
"""

import inspect
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

from local.daily import domain, tokens
from local.daily.account import Account, Accounts, authenticate
from local.daily.errors import DailyError
from local.daily.phones import Phones
from local.daily.rest_request import Answer, Json, Request, only, route
from local.daily.room_endpoints import RoomEndpoints


class Rest:
    """Answers requests, each on behalf of the account whose key it carries."""

    def __init__(self, *, accounts: Accounts, phones: Phones, clock: Callable[[], float] = time.time) -> None:
        self._accounts = accounts
        self._phones = phones
        self._clock = clock
        self._routes = (
            *RoomEndpoints(clock=clock).routes(),
            route("POST", "/meeting-tokens", self._create_token),
            route("GET", "/", self._get_domain),
            route("POST", "/", self._set_domain),
            route("GET", "/domain-dialin-config", self._get_dialin_configs),
            route("POST", "/domain-dialin-config", self._create_dialin_config),
            route("GET", "/purchased-phone-numbers", self._get_numbers),
            route("POST", "/dialin/pinlessCallUpdate", self._connect_held_call),
        )

    async def answer(self, request: Request) -> Answer:
        """Answer a request, refusals included."""
        try:
            account = authenticate(self._accounts, request.headers.get("authorization"))
        except DailyError as error:
            return Answer(error.status, error.body)
        try:
            answer = Answer(HTTPStatus.OK, await self._respond(account, request))
        except DailyError as error:
            answer = Answer(error.status, error.body, _retry_after(account, error))
        account.requests.append({"method": request.method, "path": request.path, "status": int(answer.status)})
        return answer

    async def _respond(self, account: Account, request: Request) -> Json:
        if account.failures:
            status = HTTPStatus(account.failures.pop())
            raise DailyError(status, "server-error", "a test asked for this failure")
        for endpoint in self._routes:
            found = endpoint.path.fullmatch(request.path)
            if found and endpoint.method == request.method:
                if not account.limits.admit(endpoint.counts_as):
                    raise DailyError.rate_limited()
                answer = endpoint.answer(account, request, **found.groupdict())
                body: Json = await answer if inspect.isawaitable(answer) else answer
                return body
        raise DailyError.not_found(f"there is no {request.method} {request.path}")

    def _create_token(self, account: Account, request: Request) -> Json:
        """Sign a token for the properties asked for, by their long names.

        https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token
        """
        body = request.json()
        only(body, ("properties",))
        properties = body.get("properties") or {}
        only(properties, tuple(tokens.ABBREVIATIONS))
        claims = {tokens.ABBREVIATIONS[name]: value for name, value in properties.items() if value is not None}
        claims |= {"iat": int(self._clock()), "d": account.domain_id}
        token = tokens.sign(claims, api_key=account.api_key)
        try:
            now = max(self._clock(), claims.get("nbf", 0))
            tokens.read(token, api_key=account.api_key, domain_id=account.domain_id, now=now)
        except tokens.TokenError as error:
            raise DailyError.invalid(str(error)) from error
        return {"token": token}

    def _get_domain(self, account: Account, request: Request) -> Json:
        return domain.as_json(account)

    async def _set_domain(self, account: Account, request: Request) -> Json:
        body = request.json()
        only(body, ("properties",))
        properties = body.get("properties") or {}
        only(properties, ("pinless_dialin",))
        await domain.set_pinless(account, properties.get("pinless_dialin") or [], phones=self._phones)
        return domain.as_json(account)

    def _get_dialin_configs(self, account: Account, request: Request) -> Json:
        data = [domain.config_json(each) for each in account.pinless]
        return {"total_count": len(data), "data": data}

    async def _create_dialin_config(self, account: Account, request: Request) -> Json:
        made = await domain.add_pinless(account, request.json(), phones=self._phones)
        return domain.config_json(made)

    def _get_numbers(self, account: Account, request: Request) -> Json:
        data = [{"id": each.id, "number": each.number, "status": "verified"} for each in account.numbers]
        return {"total_count": len(data), "data": data}

    def _connect_held_call(self, account: Account, request: Request) -> Json:
        """Connect a caller who waits to a room's SIP address.

        https://docs.daily.co/reference/rest-api/dial-in/pinless-update
        """
        body = request.json()
        only(body, ("callId", "callDomain", "sipUri"))
        self._phones.connect_held(account, body)
        return {"ok": "true"}


def _retry_after(account: Account, error: DailyError) -> Mapping[str, str]:
    """Daily documents no Retry-After; an account of the stand-in may send one."""
    is_told = error.status is HTTPStatus.TOO_MANY_REQUESTS and account.retry_after is not None
    return {"retry-after": str(account.retry_after)} if is_told else {}
