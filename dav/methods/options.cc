#include "dav/methods/methods.h"

namespace holdfast::dav {

// RFC 4918 §10.1, RFC 9110 §9.3.7. The same for files, collections and unmapped URLs, and without a
// look at the store: clients read it as what the server can do (docs/clients.md R1–R4).
Response handle_options(Call&) {
  Response response;
  response.set("DAV", "1, 2, 3")
      .set("MS-Author-Via", "DAV")
      .set("Allow", allowed_methods())
      .set("Accept-Ranges", "bytes");
  return response;
}

}  // namespace holdfast::dav
