// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// http and https: GET http-get, HTTP/1.1, one connection a probe. Good is a status from 200 to 399 and, when http-match
// is set, a body (of at most 1 MiB) that holds that text. The certificate of https is not verified, and old protocol
// versions and weak keys are taken: the question is whether the server lives, and nothing secret is sent.
#pragma once

#include "control/probe/prober.h"

namespace systole::control {

// What https probes need of TLS: no verification, anything goes.
[[nodiscard]] boost::asio::ssl::context make_probe_tls();

// `tls` nullptr: http.
[[nodiscard]] std::unique_ptr<Prober> make_http_prober(boost::asio::io_context &io, boost::asio::ssl::context *tls,
						       const ProbeTarget &target, ProbeDone done);

} // namespace systole::control
