// Keeps other web pages out: the host that was asked for must be ours while anonymous clients may
// write (against DNS rebinding), and a write must not come from a foreign Origin (against
// cross-site requests) unless it signs in by itself, as programs do. What a trusted proxy says of
// host and scheme has been applied to the request before. Immutable after construction; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"
#include "http/origin.h"
#include "server/auth/anonymous.h"

namespace holdfast::server::auth {

struct Denial {
  int status = 403;
  std::string_view detail;  // one sentence for the log; static
  std::string sentence;     // for the client; may hold what it sent
};

class OriginPolicy {
 public:
  // `public_urls` are the origins that clients know this server by (--public-url), `own_hosts` the
  // numeric addresses that it listens on. No other page can have one of these for its own host, as
  // it can have a name that it rebinds.
  explicit OriginPolicy(std::vector<http::Origin> public_urls,
                        std::vector<std::string> own_hosts = {})
      : public_urls_(std::move(public_urls)), own_hosts_(std::move(own_hosts)) {}

  // nullopt when the engine may answer. 421: not our Host while anonymous clients may write. 403: a
  // write with a foreign Origin that has no credentials in Authorization, or while anonymous
  // clients may write. A certificate is no reason, because a browser shows it by itself.
  [[nodiscard]] std::optional<Denial> judge(const http::Request& request,
                                            Anonymous anonymous) const;

 private:
  [[nodiscard]] bool is_our_host(std::string_view authority) const;
  [[nodiscard]] bool is_foreign(std::string_view origin, const http::Request& request) const;

  std::vector<http::Origin> public_urls_;
  std::vector<std::string> own_hosts_;
};

}  // namespace holdfast::server::auth
