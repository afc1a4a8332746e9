"""The peer on FastAPI, SQLModel, psycopg2 and python-jose, written as their tutorials show."""

import os
from datetime import datetime, timezone
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt
from sqlalchemy import Column, Text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import Field, Session, SQLModel, create_engine, select

SCHEMA = {"schema": "doable"}
engine = create_engine(os.environ["DATABASE_URL"].replace("postgres://", "postgresql+psycopg2://"))
app = FastAPI()
bearer = HTTPBearer()


class User(SQLModel, table=True):
    __tablename__ = "users"
    __table_args__ = SCHEMA
    id: str = Field(primary_key=True)
    revision: int = 0
    position: float = 0


class TaskFields(SQLModel):
    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    completed: bool = False
    priority: str = "medium"
    due_date: str | None = None
    tags: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))


class TaskRead(TaskFields):
    id: UUID
    user_id: str
    completed_at: datetime | None
    position: float
    revision: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    list_id: UUID | None
    parent_id: UUID | None
    recurrence: str | None
    repeat_from: str
    time_zone: str
    remind_at: datetime | None
    series_id: UUID | None
    next_task_id: UUID | None
    reminded_at: datetime | None


class Task(TaskFields, table=True):
    __tablename__ = "tasks"
    __table_args__ = SCHEMA
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: str = Field(primary_key=True)
    completed_at: datetime | None = None
    position: float
    revision: int
    created_at: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    updated_at: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    deleted_at: datetime | None = None
    list_id: UUID | None = None
    parent_id: UUID | None = None
    recurrence: str | None = None
    repeat_from: str = "due"
    time_zone: str = "UTC"
    remind_at: datetime | None = None
    series_id: UUID | None = None
    next_task_id: UUID | None = None
    reminded_at: datetime | None = None


class TaskCreate(TaskFields):
    tags: list[str] = []


class TaskUpdate(SQLModel):
    title: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    completed: bool | None = None
    priority: str | None = None
    due_date: str | None = None
    tags: list[str] | None = None


class Changes(SQLModel):
    changes: list[TaskRead]
    next: int
    more: bool


def get_user_id(user_id: str, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    try:
        claims = jwt.decode(credentials.credentials, os.environ["JWT_SECRET"], algorithms=["HS256"])
    except JWTError:
        raise HTTPException(status_code=401, detail="Invalid token")
    if claims.get("sub") != user_id:
        raise HTTPException(status_code=403, detail="Forbidden")
    return user_id


UserId = Annotated[str, Depends(get_user_id)]

# Each endpoint opens its own session: one that a dependency holds until the answer is out
# locks the pool up against the threads as soon as 40 requests run at once.


def find(session: Session, user_id: str, id: UUID) -> Task:
    task = session.exec(select(Task).where(Task.id == id, Task.user_id == user_id, Task.deleted_at == None)).first()  # noqa: E711
    if task is None:
        raise HTTPException(status_code=404, detail="Task not found")
    return task


def raise_revision(session: Session, user_id: str) -> int:
    raised = update(User).where(User.id == user_id).values(revision=User.revision + 1).returning(User.revision)
    return session.exec(raised).scalar_one()


def save(session: Session, task: Task) -> Task:
    session.add(task)
    session.commit()
    session.refresh(task)
    return task


@app.get("/api/{user_id}/tasks", response_model=list[TaskRead])
def list_tasks(
    user_id: UserId,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    if_none_match: Annotated[str | None, Header()] = None,
):
    with Session(engine) as session:
        revision = session.exec(select(User.revision).where(User.id == user_id)).first() or 0
        etag = f'"{revision}"'
        if if_none_match == etag:
            return Response(status_code=304, headers={"ETag": etag})
        response.headers["ETag"] = etag
        query = select(Task).where(Task.user_id == user_id, Task.deleted_at == None)  # noqa: E711
        return session.exec(query.order_by(Task.created_at.desc(), Task.id.desc()).limit(limit)).all()


@app.post("/api/{user_id}/tasks", response_model=TaskRead, status_code=201)
def create_task(user_id: UserId, task: TaskCreate):
    with Session(engine) as session:
        made = insert(User).values(id=user_id, revision=1, position=1)
        raised = made.on_conflict_do_update(
            index_elements=[User.id], set_={"revision": User.revision + 1, "position": User.position + 1}
        ).returning(User.revision, User.position)
        revision, position = session.exec(raised).one()
        return save(session, Task(**task.model_dump(), user_id=user_id, position=position, revision=revision))


@app.get("/api/{user_id}/tasks/{id}", response_model=TaskRead)
def get_task(user_id: UserId, id: UUID):
    with Session(engine) as session:
        return find(session, user_id, id)


@app.put("/api/{user_id}/tasks/{id}", response_model=TaskRead)
def update_task(user_id: UserId, id: UUID, changes: TaskUpdate):
    with Session(engine) as session:
        revision = raise_revision(session, user_id)
        task = find(session, user_id, id)
        task.sqlmodel_update(changes.model_dump(exclude_unset=True))
        task.revision = revision
        task.updated_at = datetime.now(timezone.utc)
        return save(session, task)


@app.patch("/api/{user_id}/tasks/{id}/complete", response_model=TaskRead)
def complete_task(user_id: UserId, id: UUID):
    with Session(engine) as session:
        revision = raise_revision(session, user_id)
        task = find(session, user_id, id)
        task.completed = not task.completed
        task.updated_at = datetime.now(timezone.utc)
        task.completed_at = task.updated_at if task.completed else None
        task.revision = revision
        return save(session, task)


@app.get("/api/{user_id}/changes", response_model=Changes)
def list_changes(user_id: UserId, since: int = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 1000):
    with Session(engine) as session:
        query = select(Task).where(Task.user_id == user_id, Task.revision > since).order_by(Task.revision)
        found = session.exec(query.limit(limit + 1)).all()
        changes = found[:limit]
        return {"changes": changes, "next": changes[-1].revision if changes else since, "more": len(found) > limit}
