"""What the OpenAPI document cannot say, and accounts for the operations that ask for one."""

import datetime
import os
import re
import secrets
import uuid

import requests
import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

GIVEN_BY_US = {"cursor", "since", "Idempotency-Key", "Last-Event-ID"}

# Names of read-only members, found in the document.
READ_ONLY = set()


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """
    Takes out the parameters whose good values only the service itself can give, and writes what
    the document leaves to descriptions: read-only members are ignored whatever they hold, and
    `null` stands for a body that need not be there.
    """
    for path in raw_schema["paths"].values():
        for operation in path.values():
            operation["parameters"] = [
                parameter
                for parameter in operation.get("parameters", [])
                if parameter.get("name", parameter.get("$ref", "").split("/")[-1]) not in GIVEN_BY_US
            ]
            body = operation.get("requestBody", {"required": True})
            for media in [] if body.get("required") else body["content"].values():
                media["schema"] = {"anyOf": [media["schema"], {"type": "null"}]}
    forget_read_only(raw_schema)


def forget_read_only(value):
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, dict) and member.get("readOnly") is True:
                value[name] = {}
                READ_ONLY.add(name)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        forget_read_only(part)


# White space in JavaScript, without U+FEFF.
SPACE = "[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"


def trimmed(text):
    return re.sub(f"^{SPACE}|{SPACE}$", "", text)


@schemathesis.hook
def filter_case(context, case):
    """
    Leaves out what JSON Schema judges otherwise than the service: it counts outer white space,
    knows no calendar, and counts passwords in characters rather than UTF-16 units.
    """
    return all(is_judged_alike(name, value) for name, value in members(case.body))


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """
    Read-only members are no change, which JSON Schema takes them for. Judged here: a body can also
    be made of an earlier answer, which no filter of cases sees.
    """
    is_unchanged = isinstance(case.body, dict) and READ_ONLY.issuperset(case.body)
    return not (isinstance(failure, RejectedPositiveData) and is_unchanged and response.status_code == 422)


def members(value):
    if isinstance(value, dict):
        yield from value.items()
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from members(part)


# Characters that a text by this name may have.
MOST = {"title": 200, "tags": 50, "name": 100}


PASSWORDS = {"password", "newPassword"}


def is_judged_alike(name, value):
    if name == "due_date" and isinstance(value, str) and re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return is_day(value[:10])
    if name in PASSWORDS and isinstance(value, str):
        units = len(value.encode("utf-16-le", "surrogatepass")) // 2
        return all((len(value) < bound) == (units < bound) for bound in (8, 129))
    if name not in MOST:
        return True
    texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
    kept = [trimmed(text) for text in texts]
    return len(set(kept)) == len(set(texts)) and all(
        (len(text) > MOST[name]) == (len(rest) > MOST[name]) and (text.strip() == "") == (rest == "")
        for text, rest in zip(texts, kept)
    )


def is_day(text):
    try:
        datetime.date.fromisoformat(text)
        return True
    except ValueError:
        return False


# With ACCOUNTS=on, given by `run.ts`: the address of the service, and the session of the user of every path.
URL = os.environ.get("DOABLE_URL", "")
USER = os.environ.get("USER_ID", "")
SESSION = os.environ.get("DOABLE_SESSION", "")

# Each ends a session or an account: every call has one of its own.
ENDING = {"signOut", "deleteAccount", "eraseUser"}


def address():
    """Accounts limit attempts by address. The service trusts what this machine says of it."""
    return f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


def ask(method, path, session=None, **rest):
    headers = {"X-Forwarded-For": address(), **({"Authorization": f"Bearer {session}"} if session else {})}
    response = requests.request(method, f"{URL}/api/auth{path}", headers=headers, timeout=30, **rest)
    response.raise_for_status()
    return response


def sign_up():
    person = {"name": "Ada", "email": f"{uuid.uuid4()}@example.com", "password": "correct horse battery staple"}
    response = ask("POST", "/sign-up/email", json=person)
    return response.json()["user"]["id"], response.headers["set-auth-token"]


def token_of(session):
    return ask("GET", "/token", session).json()["token"]


def schemes(operation):
    security = operation.definition.raw.get("security", operation.schema.raw_schema["security"])
    return {name for requirement in security for name in requirement}


def takes_session(operation):
    return "session" in schemes(operation)


class Account:
    """The token of the session for the operations of accounts, a JWT for all others."""

    def get(self, case, context):
        return SESSION if takes_session(context.operation) else token_of(SESSION)

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


def swap_account(case):
    """Gives a call that would be accepted a new account, in place of the one that all others use."""
    user, session = sign_up()
    case.headers["Authorization"] = f"Bearer {session if takes_session(case.operation) else token_of(session)}"
    for values in (case.path_parameters, case.query):
        for name, value in values.items():
            if value == USER:
                values[name] = user


if URL:
    # A JWT is good for 15 minutes, and a key for each kind of token.
    schemathesis.auth(refresh_interval=300, cache_by_key=lambda case, context: str(takes_session(context.operation)))(
        Account
    )

    @schemathesis.hook
    def map_case(context, case):
        # Before the call: changed there, a case is judged anew, and a bad header may count as a good one.
        case.headers["X-Forwarded-For"] = address()
        return case

    @schemathesis.hook
    def before_call(context, case, kwargs):
        if case.operation.definition.raw["operationId"] in ENDING and case._has_explicit_auth:
            swap_account(case)
