import java.io.IOException;
import org.openapitools.client.ApiClient;
import org.openapitools.client.auth.HttpBearerAuth;
import org.openapitools.client.model.Problem;

final class Connection {
  static ApiClient to(String url, String token) {
    ApiClient client = new ApiClient().setBasePath(url);
    ((HttpBearerAuth) client.getAuthentication("bearer")).setBearerToken(token);
    return client;
  }

  static Problem problem(String body) throws IOException {
    return Problem.fromJson(body);
  }
}
