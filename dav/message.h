// Names of http/message.h that dav/ uses without their namespace.
#pragma once

#include "http/message.h"

namespace holdfast::dav {

using http::Body;
using http::Fields;
using http::NoBody;
using http::Producer;
using http::Request;
using http::Response;
using http::Sink;
using http::SourceBody;
using http::StreamBody;

}  // namespace holdfast::dav
