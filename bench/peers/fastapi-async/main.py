"""The plain service on FastAPI, asyncpg and PyJWT, all of it asynchronous, over one table of seven columns."""

import os
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

import asyncpg
import jwt
from fastapi import Depends, FastAPI, HTTPException, Query, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

SECRET = os.environ["JWT_SECRET"]
COLUMNS = "id, user_id, title, description, completed, created_at, updated_at"


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with asyncpg.create_pool(os.environ["DATABASE_URL"]) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)
bearer = HTTPBearer()


class Task(BaseModel):
    id: UUID
    user_id: str
    title: str
    description: str | None
    completed: bool
    created_at: datetime
    updated_at: datetime


class TaskCreate(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    completed: bool = False


class TaskUpdate(BaseModel):
    title: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    completed: bool | None = None


async def get_user_id(user_id: str, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    try:
        claims = jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"], options={"require": ["exp"]})
    except jwt.InvalidTokenError:
        raise HTTPException(status_code=401, detail="Invalid token")
    if claims.get("sub") != user_id:
        raise HTTPException(status_code=403, detail="Forbidden")
    return user_id


UserId = Annotated[str, Depends(get_user_id)]


async def one(sql: str, *values) -> dict:
    row = await app.state.pool.fetchrow(sql, *values)
    if row is None:
        raise HTTPException(status_code=404, detail="Task not found")
    return dict(row)


@app.get("/api/{user_id}/tasks", response_model=list[Task])
async def list_tasks(user_id: UserId, limit: Annotated[int, Query(ge=1, le=1000)] = 50):
    sql = f"select {COLUMNS} from plain.tasks where user_id = $1 order by created_at desc limit $2"
    return [dict(row) for row in await app.state.pool.fetch(sql, user_id, limit)]


@app.post("/api/{user_id}/tasks", response_model=Task, status_code=201)
async def create_task(user_id: UserId, task: TaskCreate):
    sql = f"""insert into plain.tasks (id, user_id, title, description, completed)
        values ($1, $2, $3, $4, $5) returning {COLUMNS}"""
    return await one(sql, uuid4(), user_id, task.title, task.description, task.completed)


@app.get("/api/{user_id}/tasks/{id}", response_model=Task)
async def get_task(user_id: UserId, id: UUID):
    return await one(f"select {COLUMNS} from plain.tasks where id = $1 and user_id = $2", id, user_id)


@app.put("/api/{user_id}/tasks/{id}", response_model=Task)
async def update_task(user_id: UserId, id: UUID, changes: TaskUpdate):
    sql = f"""update plain.tasks set title = coalesce($3, title), description = coalesce($4, description),
        completed = coalesce($5, completed), updated_at = now() where id = $1 and user_id = $2 returning {COLUMNS}"""
    return await one(sql, id, user_id, changes.title, changes.description, changes.completed)


@app.patch("/api/{user_id}/tasks/{id}/complete", response_model=Task)
async def complete_task(user_id: UserId, id: UUID):
    sql = f"""update plain.tasks set completed = not completed, updated_at = now()
        where id = $1 and user_id = $2 returning {COLUMNS}"""
    return await one(sql, id, user_id)


@app.delete("/api/{user_id}/tasks/{id}", status_code=204)
async def delete_task(user_id: UserId, id: UUID):
    await one("delete from plain.tasks where id = $1 and user_id = $2 returning id", id, user_id)
    return Response(status_code=204)
