#include "server/process/usage_error.h"

#include "text/ascii.h"

namespace holdfast::server::process {

UsageError::UsageError(std::string_view sentence)
    : runtime_error(text::without_controls(sentence, '?')) {}

}  // namespace holdfast::server::process
