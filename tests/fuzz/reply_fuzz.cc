// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Fuzz target: a reply as systolectl shows it. Input: JSON, of a daemon newer, older or madder than it knows.
#include "control/cli/render.h"
#include "tests/fuzz/require.h"

#include <boost/json/parse.hpp>

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	using namespace systole::control::cli;
	const std::string_view text = systole::fuzz::text_of(data, size);
	boost::system::error_code failed;
	const boost::json::value reply = boost::json::parse(boost::json::string_view(text.data(), text.size()), failed);
	if (failed || !reply.is_object())
		return 0;
	for (const View view : {View::status, View::configuration, View::diagnosis, View::dump, View::history,
				View::explanation, View::what_if, View::poll, View::link_monitors,
				View::failover_status, View::words, View::events, View::quiet}) {
		const std::string shown = render(view, reply.get_object());
		systole::fuzz::require(shown.empty() || shown.back() == '\n', "what is shown ends its line");
	}
	return 0;
}
