// What the clients of Nextcloud and ownCloud ask besides WebDAV (docs/sync.md#nextcloud): what the
// server is (/status.php), what it can do and who the user is (/ocs/…), and a device token by way
// of the browser (/index.php/login/v2). All of it lies below the server's prefix. Any thread may
// call any function.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dav/caller.h"
#include "dav/options.h"
#include "http/message.h"
#include "server/auth/self_service.h"
#include "server/http1/handler.h"
#include "storage/clock.h"
#include "storage/namespace.h"

namespace holdfast::server::auth {

class SyncClients {
 public:
  // All arguments must outlive this object.
  SyncClients(const storage::Namespace& names, SelfService& self_service,
              const storage::Clock& clock)
      : names_(names), self_service_(self_service), clock_(clock) {}

  // Answers what clients ask before their user has signed in; nullopt for everything else.
  [[nodiscard]] std::optional<http::Response> answer_all(http::Request& request,
                                                         const dav::Options& options);
  // Returns true for a request that answer() answers.
  [[nodiscard]] static bool concerns(const http::Request& request, const dav::UrlSpace& space);
  // Answers what only those learn who have signed in. A request that changes something must have
  // passed OriginPolicy::judge_write.
  [[nodiscard]] http::Response answer(http::Request& request, const http1::Peer& peer,
                                      const dav::Caller& caller, const dav::Options& options);

 private:
  // A client that waits until its user has signed in with a browser.
  struct Waiting {
    std::string page;   // names the page where the user signs in
    std::string poll;   // the secret with which the client asks
    std::string label;  // of the token that the client gets
    storage::Millis begun = 0;
    // What the page's form sends back, and for whom it was made. A page of another server can
    // neither read nor guess it.
    std::string nonce{};
    storage::AccountId asked = storage::kNobody;
    std::string user{};
    std::string token{};  // empty: not granted yet
  };
  static constexpr std::size_t kMostWaiting = 200;
  static constexpr storage::Millis kWaitMs = 20 * 60 * 1000;

  [[nodiscard]] http::Response begin(const http::Request& request, const dav::Options& options);
  [[nodiscard]] http::Response poll(http::Request& request, const dav::Options& options);
  [[nodiscard]] http::Response show_page(const dav::Caller& caller, std::string_view page);
  [[nodiscard]] http::Response grant(http::Request& request, const http1::Peer& peer,
                                     const dav::Caller& caller, const dav::Options& options,
                                     std::string_view page);
  // Forgets clients that waited for too long. Call with mutex_.
  void forget();

  const storage::Namespace& names_;
  SelfService& self_service_;
  const storage::Clock& clock_;
  std::mutex mutex_;             // guards what follows
  std::deque<Waiting> waiting_;  // the oldest first
};

}  // namespace holdfast::server::auth
