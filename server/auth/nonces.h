// Digest nonces (RFC 7616 §3.3, §5.4): no state is kept until a client has signed in with a nonce.
// A nonce has the time when it was made, under a MAC that also covers the client's address. For
// nonces in use, the received counts are kept, so that no request can be replayed. When the oldest
// one is removed for space, every nonce as old is stale. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "server/auth/secrets.h"
#include "storage/clock.h"

namespace holdfast::server::auth {

class Nonces {
 public:
  static constexpr storage::Millis kLifetime = 5 * 60 * 1000;

  // Keeps the counts of at most `capacity` nonces.
  Nonces(const storage::Clock& clock, std::size_t capacity);

  [[nodiscard]] std::string make(std::string_view address);

  enum class State {
    fresh,  // made by this process, for this address, lately
    used,   // as `fresh`, and use() has accepted it for this name before
    stale,  // the client should send the request again with another one (stale=true)
  };
  [[nodiscard]] State look(std::string_view nonce, std::string_view address,
                           std::string_view name) const;
  // Call for a request whose response is right. Returns false when this count was received before
  // (or is far below others that were), or the nonce has become stale.
  [[nodiscard]] bool use(std::string_view nonce, std::string_view name, std::uint32_t count);

 private:
  struct Entry {
    std::string nonce;
    std::string name;
    storage::Millis made = 0;
    std::uint32_t highest = 0;
    std::uint64_t seen = 0;  // bit i: count highest - i was received
  };
  using Entries = std::list<Entry>;

  [[nodiscard]] std::string tag(std::string_view made, std::string_view address) const;
  // Returns the time when a well-formed nonce was made.
  [[nodiscard]] static storage::Millis made_at(std::string_view nonce);

  const storage::Clock& clock_;
  const std::size_t capacity_;
  const Key key_;
  mutable std::mutex mutex_;  // guards what follows
  std::uint64_t serial_ = 0;
  storage::Millis forgotten_ = 0;  // a nonce as old as this may have been used
  Entries entries_;                // in the order of their first use
  std::map<std::string_view, Entries::iterator> index_;
};

}  // namespace holdfast::server::auth
