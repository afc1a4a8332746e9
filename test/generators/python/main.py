import json
import sys

from openapi_client import (
    ApiClient,
    ApiException,
    Configuration,
    TaskCreate,
    TaskPriority,
    TasksApi,
    TaskUpdate,
)

url, user, token, missing = sys.argv[1:]
tasks = TasksApi(ApiClient(Configuration(host=url, access_token=token)))


def problem_of(call):
    """The problem that a call is refused with."""
    try:
        call()
    except ApiException as error:
        return error.data
    raise SystemExit("it was not refused")


created = tasks.create_task(
    user,
    TaskCreate(title="Buy milk", due_date="2026-11-24", tags=["home"], priority=TaskPriority.HIGH),
)
listed = tasks.list_tasks(user, priority=[TaskPriority.HIGH, TaskPriority.LOW], limit=10)
completed = tasks.complete_task(user, created.id)
changed = tasks.update_task(user, created.id, TaskUpdate(title="Buy oat milk", due_date=None))
absent = problem_of(lambda: tasks.get_task(user, missing))
refused = problem_of(lambda: tasks.update_task(user, created.id, TaskUpdate(due_date="2026-02-30")))

print(
    json.dumps(
        {
            "listed": [[task.title, task.priority, task.completed] for task in listed],
            "completed": completed.completed,
            "changed": [changed.title, changed.due_date, changed.tags],
            "rose": changed.revision - created.revision,
            "absent": [absent.status, absent.code],
            "refused": [fault.pointer for fault in refused.errors],
        }
    )
)
