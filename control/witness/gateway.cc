// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/witness/gateway.h"

#include "control/witness/base64.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <charconv>
#include <cstdint>

namespace systole::control {

namespace {

namespace json = boost::json;

constexpr std::int64_t grpc_not_found = 5;
constexpr std::size_t quoted_at_most = 120;

struct Nonsense {
	std::string why;
};

// 0 when it is left out.
template <typename Number> Number number(const json::object &object, std::string_view name)
{
	const json::value *value = object.if_contains(name);
	if (value == nullptr)
		return 0;
	Number parsed = 0;
	if (const json::string *text = value->if_string()) {
		const char *const last = text->data() + text->size();
		const auto [stopped, failed] = std::from_chars(text->data(), last, parsed);
		if (failed == std::errc{} && stopped == last)
			return parsed;
	} else if (value->is_number()) {
		boost::system::error_code inexact;
		parsed = value->to_number<Number>(inexact);
		if (!inexact)
			return parsed;
	}
	throw Nonsense{"\"" + std::string(name) + "\" is no number"};
}

const json::object &part(const json::object &object, std::string_view name)
{
	const json::value *value = object.if_contains(name);
	const json::object *inner = value == nullptr ? nullptr : value->if_object();
	if (inner == nullptr)
		throw Nonsense{"no \"" + std::string(name) + "\""};
	return *inner;
}

const json::object *first(const json::object &object, std::string_view name)
{
	const json::value *value = object.if_contains(name);
	const json::array *list = value == nullptr ? nullptr : value->if_array();
	return list == nullptr || list->empty() ? nullptr : list->front().if_object();
}

void read_header(const json::object &object, LeaseAnswer &answer)
{
	const json::object &header = part(object, "header");
	answer.cluster = number<std::uint64_t>(header, "cluster_id");
	answer.term = number<std::uint64_t>(header, "raft_term");
	if (answer.cluster == 0)
		throw Nonsense{"no \"cluster_id\""};
}

void read_key(const json::object &range, LeaseAnswer &answer)
{
	const json::object *key = first(range, "kvs");
	if (key == nullptr)
		return;
	answer.key_exists = true;
	answer.lease = number<LeaseId>(*key, "lease");
	const json::value *value = key->if_contains("value");
	const json::string *text = value == nullptr ? nullptr : value->if_string();
	if (text != nullptr)
		answer.holder = from_base64(*text).value_or("");
}

void read_answer(const LeaseRequest &request, const json::object &object, LeaseAnswer &answer)
{
	switch (request.ask) {
	case Ask::look:
		read_header(object, answer);
		read_key(object, answer);
		break;
	case Ask::grant:
		read_header(object, answer);
		answer.lease = number<LeaseId>(object, "ID");
		answer.ttl = std::chrono::seconds{number<std::int64_t>(object, "TTL")};
		if (answer.lease == 0 || answer.ttl <= std::chrono::seconds{0} || answer.ttl > std::chrono::hours{24})
			throw Nonsense{"a lease without number or time"};
		break;
	case Ask::acquire: {
		read_header(object, answer);
		const json::value *succeeded = object.if_contains("succeeded");
		answer.created = succeeded != nullptr && succeeded->is_bool() && succeeded->get_bool();
		const json::object *response = first(object, "responses");
		if (response == nullptr)
			throw Nonsense{"no \"responses\""};
		if (!answer.created)
			read_key(part(*response, "response_range"), answer);
		break;
	}
	case Ask::keep_alive: { // of a stream: one object per answer, each a "result"
		const json::object &result = part(object, "result");
		read_header(result, answer);
		if (number<LeaseId>(result, "ID") != request.lease)
			throw Nonsense{"it speaks of another lease"};
		answer.ttl = std::chrono::seconds{number<std::int64_t>(result, "TTL")};
		if (answer.ttl <= std::chrono::seconds{0})
			answer.outcome = LeaseOutcome::lease_gone;
		break;
	}
	case Ask::revoke: read_header(object, answer); break;
	}
}

// Printable, and not more than a line of it.
std::string quoted(std::string_view text)
{
	std::string line;
	for (const char c : text.substr(0, quoted_at_most))
		line += c >= ' ' && c <= '~' ? c : '?';
	return line;
}

} // namespace

std::string_view gateway_path(Ask ask)
{
	switch (ask) {
	case Ask::look: return "/v3/kv/range";
	case Ask::grant: return "/v3/lease/grant";
	case Ask::acquire: return "/v3/kv/txn";
	case Ask::keep_alive: return "/v3/lease/keepalive";
	case Ask::revoke: return "/v3/lease/revoke";
	}
	return "";
}

std::string gateway_body(const LeaseRequest &request, std::string_view key, std::string_view serial)
{
	const std::string lease = std::to_string(request.lease);
	const std::string key_text = base64(key);
	switch (request.ask) {
	case Ask::look: return json::serialize(json::object{{"key", key_text}});
	case Ask::grant: return json::serialize(json::object{{"TTL", std::to_string(request.ttl.count())}});
	case Ask::acquire: {
		const json::object absent{
			{"target", "CREATE"}, {"result", "EQUAL"}, {"key", key_text}, {"create_revision", "0"}};
		const json::object put{{"key", key_text}, {"value", base64(serial)}, {"lease", lease}};
		const json::object range{{"key", key_text}};
		return json::serialize(json::object{
			{"compare", json::array{absent}},
			{"success", json::array{json::object{{"request_put", put}}}},
			{"failure", json::array{json::object{{"request_range", range}}}},
		});
	}
	case Ask::keep_alive:
	case Ask::revoke: return json::serialize(json::object{{"ID", lease}});
	}
	return "";
}

LeaseAnswer gateway_answer(const LeaseRequest &request, unsigned http_status, std::string_view body)
{
	LeaseAnswer answer{.request = request.id, .outcome = LeaseOutcome::answered};
	try {
		// The gateway's stream of answers has a newline after each: the first one is ours.
		boost::system::error_code invalid;
		const json::value parsed = json::parse(body.substr(0, body.find('\n')), invalid);
		if (invalid || !parsed.is_object())
			throw Nonsense{"\"" + quoted(body) + "\""};
		const json::object &object = parsed.get_object();
		if (http_status == 200 && !object.contains("error")) {
			read_answer(request, object, answer);
			return answer;
		}
		const json::value *message = object.if_contains("error");
		// In a stream the error is an object with a message.
		if (message != nullptr && message->is_object())
			message = message->get_object().if_contains("message");
		if (message == nullptr || !message->is_string())
			throw Nonsense{"\"" + quoted(body) + "\""};
		const bool not_found = number<std::int64_t>(object, "code") == grpc_not_found;
		if (not_found && request.lease != 0)
			answer.outcome = LeaseOutcome::lease_gone;
		else
			answer = {.request = request.id,
				  .outcome = LeaseOutcome::failed,
				  .error = quoted(message->get_string())};
	} catch (const Nonsense &nonsense) {
		answer = {
			.request = request.id,
			.outcome = LeaseOutcome::failed,
			.error = "this is no answer of etcd's v3 gateway (HTTP status " + std::to_string(http_status) +
				 "): " + nonsense.why,
		};
	}
	return answer;
}

} // namespace systole::control
