import java.io.IOException;
import org.openapitools.client.ApiClient;
import org.openapitools.client.model.Problem;

final class Connection {
  static ApiClient to(String url, String token) {
    ApiClient client = new ApiClient();
    client.updateBaseUri(url);
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    return client;
  }

  static Problem problem(String body) throws IOException {
    return ApiClient.createDefaultObjectMapper().readValue(body, Problem.class);
  }
}
