package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"example/doable"
)

type object map[string]any

// need ends the program where a call has failed or its answer has no body of the wanted status.
func need[Answer any](answer *Answer, err error) *Answer {
	if err != nil {
		log.Fatal(err)
	}
	if answer == nil {
		log.Fatal("another answer than was wanted")
	}
	return answer
}

func main() {
	url, user, token, missing := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	ctx := context.Background()
	client := need(doable.NewClientWithResponses(url, doable.WithRequestEditorFn(
		func(_ context.Context, request *http.Request) error {
			request.Header.Set("Authorization", "Bearer "+token)
			return nil
		},
	)))

	high, limit := doable.High, int32(10)
	created := need(need(client.CreateTaskWithResponse(ctx, user, nil, doable.TaskCreate{
		Title:    "Buy milk",
		DueDate:  nullable.NewNullableWithValue("2026-11-24"),
		Tags:     &[]string{"home"},
		Priority: &high,
	})).JSON201, nil)

	listed := []any{}
	for _, each := range *need(need(client.ListTasksWithResponse(ctx, user, &doable.ListTasksParams{
		Priority: &[]doable.TaskPriority{doable.High, doable.Low},
		Limit:    &limit,
	})).JSON200, nil) {
		listed = append(listed, []any{each.Title, each.Priority, each.Completed})
	}

	completed := need(need(client.CompleteTaskWithBodyWithResponse(ctx, user, created.Id, nil, "", nil)).JSON200, nil)

	title := "Buy oat milk"
	changed := need(need(client.UpdateTaskWithResponse(ctx, user, created.Id, nil, doable.TaskUpdate{
		Title:   &title,
		DueDate: nullable.NewNullNullable[string](),
	})).JSON200, nil)

	absent := need(need(client.GetTaskWithResponse(ctx, user, uuid.MustParse(missing), nil)).ApplicationproblemJSON404, nil)

	refused := []string{}
	for _, fault := range *need(need(client.UpdateTaskWithResponse(ctx, user, created.Id, nil, doable.TaskUpdate{
		DueDate: nullable.NewNullableWithValue("2026-02-30"),
	})).ApplicationproblemJSON422, nil).Errors {
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
