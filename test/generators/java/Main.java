import java.util.LinkedHashSet;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.TasksApi;
import org.openapitools.client.model.Problem;
import org.openapitools.client.model.Task;
import org.openapitools.client.model.TaskCreate;
import org.openapitools.client.model.TaskPriority;
import org.openapitools.client.model.TaskUpdate;

public final class Main {
  private interface Call {
    void run() throws ApiException;
  }

  /** The problem that a call is refused with. */
  private static Problem problemOf(Call call) throws Exception {
    try {
      call.run();
    } catch (ApiException refused) {
      return Connection.problem(refused.getResponseBody());
    }
    throw new IllegalStateException("it was not refused");
  }

  private static String quoted(Object value) {
    return value == null ? "null" : "\"" + value + "\"";
  }

  public static void main(String[] args) throws Exception {
    String user = args[1];
    UUID missing = UUID.fromString(args[3]);
    TasksApi tasks = new TasksApi(Connection.to(args[0], args[2]));

    TaskCreate task =
        new TaskCreate()
            .title("Buy milk")
            .dueDate("2026-11-24")
            .tags(new LinkedHashSet<>(List.of("home")))
            .priority(TaskPriority.HIGH);
    Task created = tasks.createTask(user, task, null);
    List<Task> listed =
        tasks.listTasks(
            user, null, null, List.of(TaskPriority.HIGH, TaskPriority.LOW), null, null, null, null, null, 10, null,
            null, null);
    Task completed = tasks.completeTask(user, created.getId(), null, null);
    TaskUpdate change = new TaskUpdate().title("Buy oat milk").dueDate(null);
    Task changed = tasks.updateTask(user, created.getId(), change, null);
    Problem absent = problemOf(() -> tasks.getTask(user, missing, null));
    Problem refused =
        problemOf(() -> tasks.updateTask(user, created.getId(), new TaskUpdate().dueDate("2026-02-30"), null));

    String tags = changed.getTags().stream().map(Main::quoted).collect(Collectors.joining(","));
    String shown =
        listed.stream()
            .map(each -> "[" + quoted(each.getTitle()) + "," + quoted(each.getPriority()) + "," + each.getCompleted() + "]")
            .collect(Collectors.joining(","));
    String pointers =
        refused.getErrors().stream().map(fault -> quoted(fault.getPointer())).collect(Collectors.joining(","));
    System.out.print(
        "{\"listed\":[" + shown + "],\"completed\":" + completed.getCompleted()
            + ",\"changed\":[" + quoted(changed.getTitle()) + "," + quoted(changed.getDueDate()) + ",[" + tags + "]]"
            + ",\"rose\":" + (changed.getRevision() - created.getRevision())
            + ",\"absent\":[" + absent.getStatus() + "," + quoted(absent.getCode()) + "]"
            + ",\"refused\":[" + pointers + "]}");
  }
}
