// Links that accounts share (docs/operations.md#links): the URL of a collection whose first segment is
// a secret, "/holdfast_ID_SECRET/", by which people without an account read what is in it. The
// segment stands for the collection, so that nothing above it has a URL. Any thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "dav/engine.h"
#include "http/message.h"
#include "server/auth/sign_in.h"
#include "server/http1/handler.h"
#include "storage/clock.h"
#include "storage/namespace.h"

namespace holdfast::server::auth {

class Links {
 public:
  // All arguments must outlive this object.
  Links(storage::Namespace& names, SignIn& sign_in, const storage::Clock& clock)
      : names_(names), sign_in_(sign_in), clock_(clock) {}

  // Returns the first segment of the target below the prefix of `space` when it looks like the
  // secret of a link; a view of the target.
  [[nodiscard]] static std::optional<std::string_view> secret_of(const http::Request& request,
                                                                 const dav::UrlSpace& space);

  struct Opened {
    SignIn::CallerPtr caller;
    dav::LinkTarget target;
  };
  // Returns who comes by the link with this secret, or the answer: 401 when its password is
  // missing or wrong, a page in browsers; 303 after the form of that page; 404 when there is no
  // such link, or it has ended; 403, 429 and 503 as for signing in. Returns nullopt when there is no
  // such link and the tree has something of this name.
  [[nodiscard]] std::optional<std::variant<Opened, http::Response>> open(
      http::Request& request, http1::Peer& peer, std::string_view secret,
      const dav::Options& options);

  // Counts one opening of the link's page. Written down at once, and then once a minute at most.
  void count(const std::string& id) noexcept;

 private:
  struct Count {
    std::uint64_t uses = 0;          // not written down
    storage::Millis written = 0;     // lease clock
  };

  [[nodiscard]] std::optional<http::Response> ask_password(http::Request& request,
                                                           http1::Peer& peer,
                                                           std::string_view secret,
                                                           const SignIn::Link& link,
                                                           const dav::Options& options);

  storage::Namespace& names_;
  SignIn& sign_in_;
  const storage::Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Count> counts_;  // by id; one for each link that was opened
};

}  // namespace holdfast::server::auth
