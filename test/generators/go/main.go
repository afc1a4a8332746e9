package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"

	"example/doable"
)

type object map[string]any

// need ends the program where a call has failed.
func need[Answer any](answer Answer, _ any, err error) Answer {
	if err != nil {
		log.Fatal(err)
	}
	return answer
}

// problemOf is the problem that a call was refused with.
func problemOf[Answer any](_ Answer, _ any, err error) doable.Problem {
	var refused *doable.GenericOpenAPIError
	if !errors.As(err, &refused) {
		log.Fatalf("it was not refused: %v", err)
	}
	return refused.Model().(doable.Problem)
}

func main() {
	url, user, token, missing := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	configuration := doable.NewConfiguration()
	configuration.Servers = doable.ServerConfigurations{{URL: url}}
	tasks := doable.NewAPIClient(configuration).TasksAPI
	ctx := context.WithValue(context.Background(), doable.ContextAccessToken, token)

	task := doable.NewTaskCreate("Buy milk")
	task.SetDueDate("2026-11-24")
	task.SetTags([]string{"home"})
	task.SetPriority(doable.HIGH)
	created := need(tasks.CreateTask(ctx, user).TaskCreate(*task).Execute())

	priorities := []doable.TaskPriority{doable.HIGH, doable.LOW}
	listed := []any{}
	for _, each := range need(tasks.ListTasks(ctx, user).Priority(priorities).Limit(10).Execute()) {
		listed = append(listed, []any{each.Title, each.Priority, each.Completed})
	}

	completed := need(tasks.CompleteTask(ctx, user, created.Id).Execute())

	change := doable.NewTaskUpdate()
	change.SetTitle("Buy oat milk")
	change.SetDueDateNil()
	changed := need(tasks.UpdateTask(ctx, user, created.Id).TaskUpdate(*change).Execute())

	absent := problemOf(tasks.GetTask(ctx, user, missing).Execute())

	wrong := doable.NewTaskUpdate()
	wrong.SetDueDate("2026-02-30")
	refused := []string{}
	for _, fault := range problemOf(tasks.UpdateTask(ctx, user, created.Id).TaskUpdate(*wrong).Execute()).Errors {
		refused = append(refused, fault.Pointer)
	}

	seen, err := json.Marshal(object{
		"listed":    listed,
		"completed": completed.Completed,
		"changed":   []any{changed.Title, changed.DueDate, changed.Tags},
		"rose":      changed.Revision - created.Revision,
		"absent":    []any{absent.Status, absent.Code},
		"refused":   refused,
	})
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(seen)
}
