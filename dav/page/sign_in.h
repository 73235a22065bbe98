// The page on which people sign in, which stands in the place of what they asked for. Its form goes
// to the root with the query "session" (server/auth/sessions.h). It works without script. Pure
// functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "dav/message.h"
#include "dav/options.h"

namespace holdfast::dav::page {

struct SignInPage {
  int status = 200;
  std::string_view to;       // where to go afterwards: a path of this server with its query
  std::string_view name{};   // what was typed as the name
  std::string_view key{};    // the key of the words that say why nobody was signed in; empty: none
  // The page asks for `to` again at once: a page of another site led here, so that the browser kept
  // the cookie of a session back.
  bool again = false;
  // The page asks for the password of a link: this is where its form goes. Empty: for an account.
  std::string_view link{};
};

// Returns the page with this status. It is neither stored by caches nor shown in frames.
[[nodiscard]] Response sign_in(const Request& request, const Options& options,
                               const SignInPage& page);

// Returns the URL of the page that signs in and then leads to `to`; not escaped for HTML, which it
// need not be.
[[nodiscard]] std::string sign_in_url(const Options& options, std::string_view to);

}  // namespace holdfast::dav::page
