// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One HTTP POST of JSON to one endpoint, on a connection of its own: a few a second at most, and a connection that is
// kept may be half dead when it is needed. Over TLS the certificate must be valid for the endpoint's address.
#pragma once

#include "control/core/types.h"
#include "control/witness/endpoint.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <functional>
#include <string>

namespace systole::control {

struct HttpReply {
	std::string error; // why there is none; "" otherwise
	unsigned status = 0;
	std::string body;
};

struct HttpPost {
	WitnessEndpoint endpoint;
	std::string path;
	std::string body;
	core::Duration timeout{}; // of everything, from connect to the last byte
};

// `done` is called once by `io`, or destroyed with it. `tls` must outlive `io`.
void http_post(boost::asio::io_context &io, boost::asio::ssl::context &tls, HttpPost post,
	       std::function<void(HttpReply)> done);

} // namespace systole::control
