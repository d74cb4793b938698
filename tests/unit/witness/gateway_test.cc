// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The answers are those of etcd 3.4.23 to `curl -X POST http://127.0.0.1:2379/v3/... -d '...'`.
#include "control/witness/gateway.h"

#include <gtest/gtest.h>

using namespace systole::control;
using namespace std::chrono_literals;

namespace {

constexpr const char *header =
	R"({"cluster_id":"324952591200643719","member_id":"3319814642761637952","revision":"2","raft_term":"7"})";
constexpr std::uint64_t cluster = 324952591200643719;

LeaseRequest request_of(Ask ask, LeaseId lease = 2324035538067677961)
{
	return {.id = 5, .ask = ask, .endpoint = 0, .lease = lease, .ttl = 3s, .timeout = 1s};
}

LeaseAnswer answer_to(Ask ask, const std::string &body, unsigned status = 200)
{
	return gateway_answer(request_of(ask), status, body);
}

std::string with_header(const std::string &rest)
{
	return std::string(R"({"header":)") + header + rest + "}";
}

} // namespace

TEST(Gateway, asksAsTheGatewayWantsIt)
{
	const auto body = [](Ask ask) { return gateway_body(request_of(ask), "foo", "bar"); };
	EXPECT_EQ(body(Ask::look), R"({"key":"Zm9v"})");
	EXPECT_EQ(body(Ask::grant), R"({"TTL":"3"})");
	EXPECT_EQ(body(Ask::acquire),
		  R"({"compare":[{"target":"CREATE","result":"EQUAL","key":"Zm9v","create_revision":"0"}],)"
		  R"("success":[{"request_put":{"key":"Zm9v","value":"YmFy","lease":"2324035538067677961"}}],)"
		  R"("failure":[{"request_range":{"key":"Zm9v"}}]})");
	EXPECT_EQ(body(Ask::keep_alive), R"({"ID":"2324035538067677961"})");
	EXPECT_EQ(body(Ask::revoke), R"({"ID":"2324035538067677961"})");
}

TEST(Gateway, understandsALook)
{
	const LeaseAnswer found =
		answer_to(Ask::look,
			  with_header(R"(,"kvs":[{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1",)"
				      R"("value":"YmFy","lease":"2324035538067677961"}],"count":"1")"));
	EXPECT_EQ(found.outcome, LeaseOutcome::answered);
	EXPECT_EQ(found.request, 5U);
	EXPECT_TRUE(found.key_exists);
	EXPECT_EQ(found.holder, "bar");
	EXPECT_EQ(found.lease, 2324035538067677961);
	EXPECT_EQ(found.cluster, cluster);
	EXPECT_EQ(found.term, 7U);
	const LeaseAnswer absent = answer_to(Ask::look, with_header(""));
	EXPECT_EQ(absent.outcome, LeaseOutcome::answered);
	EXPECT_FALSE(absent.key_exists);
}

TEST(Gateway, understandsAGrantWithNumbersAsTextAndAsNumbers)
{
	for (const char *rest : {R"(,"ID":"77","TTL":"2")", R"(,"ID":77,"TTL":2)"}) {
		const LeaseAnswer granted = answer_to(Ask::grant, with_header(rest));
		EXPECT_EQ(granted.outcome, LeaseOutcome::answered);
		EXPECT_EQ(granted.lease, 77);
		EXPECT_EQ(granted.ttl, 2s);
	}
}

TEST(Gateway, understandsACreationAndARefusal)
{
	const LeaseAnswer created = answer_to(
		Ask::acquire,
		with_header(R"(,"succeeded":true,"responses":[{"response_put":{"header":{"revision":"2"}}}])"));
	EXPECT_EQ(created.outcome, LeaseOutcome::answered);
	EXPECT_TRUE(created.created);
	const LeaseAnswer refused = answer_to(
		Ask::acquire,
		with_header(
			R"(,"responses":[{"response_range":{"header":{"revision":"2"},"kvs":[{"key":"Zm9v",)"
			R"("create_revision":"2","mod_revision":"2","version":"1","value":"YmFy","lease":"41"}],"count":"1"}}])"));
	EXPECT_EQ(refused.outcome, LeaseOutcome::answered);
	EXPECT_FALSE(refused.created);
	EXPECT_TRUE(refused.key_exists);
	EXPECT_EQ(refused.lease, 41);
	EXPECT_EQ(refused.holder, "bar");
}

TEST(Gateway, understandsARenewalAndALeaseThatIsGone)
{
	const std::string stream = std::string(R"({"result":{"header":)") + header + R"(,"ID":"2324035538067677961")";
	const LeaseAnswer renewed = answer_to(Ask::keep_alive, stream + R"(,"TTL":"5"}})" + "\n");
	EXPECT_EQ(renewed.outcome, LeaseOutcome::answered);
	EXPECT_EQ(renewed.ttl, 5s);
	EXPECT_EQ(renewed.term, 7U);
	EXPECT_EQ(answer_to(Ask::keep_alive, stream + "}}\n").outcome, LeaseOutcome::lease_gone);
	const char *const not_found = R"({"error":"etcdserver: requested lease not found",)"
				      R"("message":"etcdserver: requested lease not found","code":5})";
	EXPECT_EQ(answer_to(Ask::revoke, not_found, 404).outcome, LeaseOutcome::lease_gone);
	EXPECT_EQ(answer_to(Ask::acquire, not_found, 404).outcome, LeaseOutcome::lease_gone);
}

TEST(Gateway, tellsEtcdsErrorsAsTheyAre)
{
	const LeaseAnswer failed = answer_to(
		Ask::acquire,
		R"({"error":"etcdserver: request timed out","message":"etcdserver: request timed out","code":14})",
		503);
	EXPECT_EQ(failed.outcome, LeaseOutcome::failed);
	EXPECT_EQ(failed.error, "etcdserver: request timed out");
	const LeaseAnswer in_stream = answer_to(
		Ask::keep_alive,
		R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"x"}})");
	EXPECT_EQ(in_stream.outcome, LeaseOutcome::failed);
	EXPECT_EQ(in_stream.error, "etcdserver: no leader");
}

TEST(Gateway, takesNonsenseForNoAnswer)
{
	for (const Ask ask : {Ask::look, Ask::grant, Ask::acquire, Ask::keep_alive, Ask::revoke}) {
		for (const char *body :
		     {"", "{}", "[]", "null", "Not Found\n", "<html>", R"({"header":{}})", R"({"header":7})",
		      R"({"result":{}})", R"({"error":7})", R"({"header":{"cluster_id":"x"}})",
		      "{\"a\":", R"({"header":{"cluster_id":"-1"}})",
		      R"({"result":{"header":{"cluster_id":"5"},"ID":"6","TTL":"5"}})"}) {
			for (const unsigned status : {200U, 404U, 500U}) {
				const LeaseAnswer answer = answer_to(ask, body, status);
				EXPECT_EQ(answer.outcome, LeaseOutcome::failed) << body;
				EXPECT_FALSE(answer.error.empty());
			}
		}
	}
	EXPECT_EQ(answer_to(Ask::grant, with_header("")).outcome, LeaseOutcome::failed);
	EXPECT_EQ(answer_to(Ask::grant, with_header(R"(,"ID":"77")")).outcome, LeaseOutcome::failed);
	EXPECT_EQ(answer_to(Ask::grant, with_header(R"(,"ID":"77","TTL":"-3")")).outcome, LeaseOutcome::failed);
	EXPECT_EQ(answer_to(Ask::acquire, with_header(R"(,"succeeded":true)")).outcome, LeaseOutcome::failed);
}
