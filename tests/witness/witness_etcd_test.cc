// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The witness with Debian's etcd, in real time. Lower bounds are exact; upper bounds leave room for a busy machine.
#include "control/witness/base64.h"
#include "control/witness/witness.h"
#include "tests/unit/api/temporary_directory.h"
#include "tests/witness/certificates.h"
#include "tests/witness/etcd_server.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

using namespace systole;
using namespace systole::control;
using namespace systole::control::test;
using namespace std::chrono_literals;

namespace {

core::Time clock_now()
{
	return core::Time{std::chrono::steady_clock::now().time_since_epoch()};
}

std::int64_t ms(core::Duration duration)
{
	return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

constexpr core::Duration noise = 300ms; // a thread of a busy machine may come this late

// A member with its witness, and what was reported of virtual cluster 1.
class Member {
public:
	explicit Member(WitnessSettings settings)
	    : m_witness(std::make_unique<Witness>(std::move(settings), [this](const WitnessReport &r) { hear(r); }))
	{
		std::string error;
		EXPECT_TRUE(m_witness->start(error)) << error;
	}
	void want(bool wanted) { m_witness->want(1, wanted); }
	bool wait_released() { return m_witness->wait_released(2s); }
	WitnessStatus status() const { return m_witness->status(); }
	// Killed: nothing is given back.
	void crash() { m_witness.reset(); }

	WitnessReport last() const
	{
		const std::lock_guard lock{m_mutex};
		return m_last;
	}
	// When it was reported; nothing: not in time.
	std::optional<core::Time> wait_for(core::Duration limit, const std::function<bool(const WitnessReport &)> &is)
	{
		std::unique_lock lock{m_mutex};
		if (!m_changed.wait_for(lock, limit, [&] { return m_heard && is(m_last); }))
			return std::nullopt;
		return m_last_at;
	}
	std::optional<core::Time> wait_holding(core::Duration limit)
	{
		return wait_for(limit, [](const WitnessReport &r) { return r.holding; });
	}

private:
	void hear(const WitnessReport &report)
	{
		const std::lock_guard lock{m_mutex};
		m_last = report;
		m_last_at = clock_now();
		m_heard = true;
		if (report.holding) {
			EXPECT_LT(m_last_at, report.held_until + noise) << "holding was reported after it was over";
		}
		m_changed.notify_all();
	}

	mutable std::mutex m_mutex;
	std::condition_variable m_changed;
	WitnessReport m_last;
	core::Time m_last_at{};
	bool m_heard = false;
	std::unique_ptr<Witness> m_witness;
};

// A listening TCP port that answers `text` to everybody, or accepts and says nothing.
class Garbage {
public:
	explicit Garbage(std::string text)
	    : m_text(std::move(text)), m_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
	{
		sockaddr_in address{};
		address.sin_family = AF_INET;
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		socklen_t length = sizeof(address);
		auto *const generic = reinterpret_cast<sockaddr *>(&address);
		EXPECT_EQ(bind(m_fd, generic, length), 0);
		EXPECT_EQ(listen(m_fd, 64), 0);
		EXPECT_EQ(getsockname(m_fd, generic, &length), 0);
		m_port = ntohs(address.sin_port);
		if (!m_text.empty())
			m_thread = std::thread([this] { serve(); });
	}
	~Garbage()
	{
		shutdown(m_fd, SHUT_RDWR);
		if (m_thread.joinable())
			m_thread.join();
		close(m_fd);
	}
	std::string url() const { return "http://127.0.0.1:" + std::to_string(m_port); }

private:
	void serve()
	{
		for (;;) {
			const int client = accept(m_fd, nullptr, nullptr);
			if (client < 0)
				return;
			std::array<char, 4096> request;
			if (recv(client, request.data(), request.size(), 0) > 0)
				send(client, m_text.data(), m_text.size(), MSG_NOSIGNAL);
			close(client);
		}
	}

	std::string m_text;
	int m_fd;
	std::uint16_t m_port = 0;
	std::thread m_thread;
};

class WitnessWithEtcd : public testing::Test {
protected:
	static void SetUpTestSuite() { s_etcd = std::make_unique<EtcdCluster>(); }
	static void TearDownTestSuite() { s_etcd.reset(); }
	void SetUp() override { ASSERT_TRUE(s_etcd->ready()); }

	static EtcdCluster &etcd() { return *s_etcd; }
	// Each test has a group of its own.
	static std::string prefix()
	{
		return std::string("/systole/") + testing::UnitTest::GetInstance()->current_test_info()->name();
	}
	static WitnessSettings settings(const std::string &serial, std::vector<std::string> endpoints = etcd().urls())
	{
		return {.endpoints = std::move(endpoints),
			.key_prefix = prefix(),
			.serial = serial,
			.ttl = 1s,
			.timeout = 500ms,
			.ca_file = {},
			.certificate_file = {},
			.key_file = {}};
	}

	static inline std::unique_ptr<EtcdCluster> s_etcd;
};

} // namespace

TEST_F(WitnessWithEtcd, oneAcquiresTheOtherIsRefusedAndRevokingHandsOverAtOnce)
{
	Member first{settings("SYS1")};
	const core::Time wanted = clock_now();
	first.want(true);
	const auto acquired = first.wait_holding(3s);
	ASSERT_TRUE(acquired) << first.last().error;
	EXPECT_EQ(first.last().holder, "SYS1");
	EXPECT_TRUE(first.last().reachable);
	const auto granted = first.status().ttl_granted;
	EXPECT_EQ(granted, 2s) << "what etcd 3.4 with its default election timeout grants for 1 s";
	ASSERT_EQ(first.status().held.size(), 1U);
	EXPECT_GT(first.status().held[0].remaining, 0ms);
	EXPECT_LT(first.status().held[0].remaining, 2000ms);
	ASSERT_EQ(first.status().endpoints.size(), 1U);
	EXPECT_TRUE(first.status().endpoints[0].reachable);
	EXPECT_GT(first.status().endpoints[0].latency, core::Duration{});

	Member second{settings("SYS2")};
	second.want(true);
	ASSERT_TRUE(second.wait_for(3s, [](const WitnessReport &r) { return r.holder == "SYS1"; }));
	EXPECT_FALSE(second.wait_holding(1s)) << "two hold";
	EXPECT_TRUE(first.last().holding);

	const core::Time given = clock_now();
	first.want(false);
	const auto taken = second.wait_holding(1500ms);
	ASSERT_TRUE(taken) << second.last().error;
	EXPECT_GE(*taken, given);
	EXPECT_LT(*taken - given, 1s) << "the lease was waited for";
	EXPECT_TRUE(first.wait_released());
	EXPECT_FALSE(first.last().holding);
	second.want(false);
	EXPECT_TRUE(second.wait_released());
	std::cout << "acquired after " << ms(*acquired - wanted) << " ms; for 1 s etcd grants " << granted.count()
		  << " s; handed over in " << ms(*taken - given) << " ms\n";
}

TEST_F(WitnessWithEtcd, afterACrashTheOtherWaitsForTheLeaseAndNeverLess)
{
	Member first{settings("SYS1")};
	Member second{settings("SYS2")};
	first.want(true);
	ASSERT_TRUE(first.wait_holding(3s));
	second.want(true);
	ASSERT_TRUE(second.wait_for(3s, [](const WitnessReport &r) { return r.holder == "SYS1"; }));
	std::this_thread::sleep_for(700ms); // into the renewals
	const core::Time killed = clock_now();
	first.crash();
	const core::Time held_until = first.last().held_until;
	const auto taken = second.wait_holding(8s);
	ASSERT_TRUE(taken) << second.last().error;
	EXPECT_GE(*taken, held_until) << "two held";
	EXPECT_LT(*taken - killed, 5s);
	std::cout << "the other holds " << ms(*taken - killed) << " ms after the kill, " << ms(*taken - held_until)
		  << " ms after the first one's held_until\n";
	second.want(false);
	EXPECT_TRUE(second.wait_released());
}

TEST_F(WitnessWithEtcd, aRestartedMemberWaitsForTheLeaseOfItsEarlierProcess)
{
	Member earlier{settings("SYS1")};
	earlier.want(true);
	ASSERT_TRUE(earlier.wait_holding(3s));
	earlier.crash();
	Member again{settings("SYS1")};
	again.want(true);
	ASSERT_TRUE(again.wait_for(
		3s, [](const WitnessReport &r) { return r.error.find("earlier process") != std::string::npos; }));
	EXPECT_FALSE(again.last().holding);
	const auto taken = again.wait_holding(8s);
	ASSERT_TRUE(taken) << again.last().error;
	EXPECT_GE(*taken, earlier.last().held_until);
	EXPECT_EQ(again.last().error, "");
	again.want(false);
	EXPECT_TRUE(again.wait_released());
}

TEST_F(WitnessWithEtcd, aFrozenEtcdEndsTheHoldingAtHeldUntilAndAThawedOneGivesItAgain)
{
	Member member{settings("SYS1")};
	member.want(true);
	ASSERT_TRUE(member.wait_holding(3s));
	std::this_thread::sleep_for(700ms);
	etcd().freeze();
	const auto ended = member.wait_for(5s, [](const WitnessReport &r) { return !r.holding; });
	const WitnessReport report = member.last();
	const WitnessStatus status = member.status();
	std::this_thread::sleep_for(300ms);
	const bool held_after = member.last().holding;
	etcd().thaw();
	ASSERT_TRUE(ended);
	EXPECT_FALSE(held_after);
	EXPECT_GE(*ended, report.held_until);
	EXPECT_LT(*ended - report.held_until, noise);
	EXPECT_FALSE(report.reachable);
	EXPECT_NE(report.error.find(etcd().url()), std::string::npos) << report.error;
	EXPECT_TRUE(status.held.empty());
	EXPECT_FALSE(status.endpoints[0].reachable);
	EXPECT_NE(status.endpoints[0].error, "");
	const core::Time thawed = clock_now();
	const auto again = member.wait_holding(8s);
	ASSERT_TRUE(again) << member.last().error;
	EXPECT_TRUE(member.last().reachable);
	std::cout << "holding ended " << ms(*ended - report.held_until) << " ms after held_until; again "
		  << ms(*again - thawed) << " ms after the thaw\n";
	member.want(false);
	EXPECT_TRUE(member.wait_released());
}

TEST_F(WitnessWithEtcd, twoOfThreeEndpointsAreDead)
{
	const std::string closed = "http://127.0.0.1:" + std::to_string(free_port());
	const Garbage hangs{""};
	Member member{settings("SYS1", {hangs.url(), closed, etcd().url()})};
	const core::Time wanted = clock_now();
	member.want(true);
	const auto acquired = member.wait_holding(4s);
	ASSERT_TRUE(acquired) << member.last().error;
	const core::Time watched = clock_now() + 1500ms;
	while (clock_now() < watched) {
		EXPECT_TRUE(member.last().holding) << member.last().error;
		EXPECT_TRUE(member.last().reachable);
		std::this_thread::sleep_for(50ms);
	}
	const WitnessStatus status = member.status();
	EXPECT_FALSE(status.endpoints[0].reachable);
	EXPECT_NE(status.endpoints[0].error.find("no answer within"), std::string::npos) << status.endpoints[0].error;
	EXPECT_FALSE(status.endpoints[1].reachable);
	EXPECT_TRUE(status.endpoints[2].reachable);
	member.want(false);
	EXPECT_TRUE(member.wait_released());
	std::cout << "acquired after " << ms(*acquired - wanted) << " ms, one endpoint hangs and one is closed\n";
}

TEST_F(WitnessWithEtcd, anEndpointThatAnswersNonsenseIsSurvived)
{
	const Garbage not_http{"SSH-2.0-OpenSSH_9.2\r\n"};
	const Garbage not_json{"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n<html>\n"};
	const Garbage empty_json{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"};
	const Garbage endless{"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n{\"a\":1"};
	const Garbage cut_short{"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"a\":1"};
	Member member{settings("SYS1", {not_http.url(), not_json.url(), empty_json.url(), endless.url(),
					cut_short.url(), etcd().url()})};
	member.want(true);
	ASSERT_TRUE(member.wait_holding(4s)) << member.last().error;
	const WitnessStatus status = member.status();
	for (std::size_t i = 0; i < 5; ++i) {
		EXPECT_TRUE(status.endpoints[i].asked);
		EXPECT_FALSE(status.endpoints[i].reachable) << i;
		EXPECT_NE(status.endpoints[i].error, "") << i;
	}
	member.want(false);
	EXPECT_TRUE(member.wait_released());
	// And nothing else is there to answer.
	Member alone{settings("SYS1", {not_http.url(), empty_json.url()})};
	alone.want(true);
	EXPECT_TRUE(alone.wait_for(3s, [](const WitnessReport &r) { return !r.reachable && !r.error.empty(); }));
	EXPECT_FALSE(alone.last().holding);
}

TEST_F(WitnessWithEtcd, aKeyDeletedByHandIsLostAtTheNextRenewal)
{
	Member member{settings("SYS1")};
	member.want(true);
	ASSERT_TRUE(member.wait_holding(3s));
	const core::Time deleted = clock_now();
	const std::string key = base64(prefix() + "/vcluster-1/primary");
	ASSERT_NE(etcd().post("/v3/kv/deleterange", R"({"key":")" + key + R"("})").find(R"("deleted":"1")"),
		  std::string::npos);
	const auto lost = member.wait_for(2s, [](const WitnessReport &r) { return !r.holding; });
	ASSERT_TRUE(lost);
	EXPECT_LT(*lost - deleted, 500ms + noise);
	ASSERT_TRUE(member.wait_holding(3s)) << "and acquired anew: " << member.last().error;
	member.want(false);
	EXPECT_TRUE(member.wait_released());
}

TEST_F(WitnessWithEtcd, virtualClustersAreHeldOneByOne)
{
	std::mutex mutex;
	std::map<unsigned, WitnessReport> reports;
	Witness witness{settings("SYS1"), [&](const WitnessReport &report) {
				const std::lock_guard lock{mutex};
				reports[report.vcluster] = report;
			}};
	std::string error;
	ASSERT_TRUE(witness.start(error)) << error;
	witness.want(1, true);
	witness.want(2, false);
	witness.want(30, true);
	const core::Time deadline = clock_now() + 3s;
	while (witness.status().held.size() < 2 && clock_now() < deadline)
		std::this_thread::sleep_for(5ms);
	{
		const std::lock_guard lock{mutex};
		EXPECT_TRUE(reports[1].holding);
		EXPECT_FALSE(reports[2].holding);
		EXPECT_TRUE(reports[30].holding);
	}
	witness.want(1, false);
	witness.want(30, false);
	EXPECT_TRUE(witness.wait_released(2s));
}

TEST_F(WitnessWithEtcd, anEndpointOfAnotherClusterIsRefused)
{
	const EtcdCluster other{1, {.quick = true}};
	ASSERT_TRUE(other.ready());
	Member member{settings("SYS1", {etcd().url(), other.url()})};
	member.want(true);
	ASSERT_TRUE(member.wait_holding(3s));
	etcd().freeze();
	const auto ended = member.wait_for(5s, [](const WitnessReport &r) { return !r.holding; });
	bool named = false;
	for (int i = 0; i < 20 && !named; ++i, std::this_thread::sleep_for(50ms))
		named = member.status().endpoints[1].asked &&
			member.last().error.find("another etcd cluster") != std::string::npos;
	etcd().thaw();
	EXPECT_TRUE(ended);
	EXPECT_TRUE(named) << member.last().error;
}

TEST_F(WitnessWithEtcd, holdsOnWhileTheLeaderOfThreeIsFrozen)
{
	EtcdCluster three{3, {.quick = true}};
	ASSERT_TRUE(three.ready());
	WitnessSettings with_three = settings("SYS1", three.urls());
	with_three.ttl = 3s;
	Member member{with_three};
	member.want(true);
	ASSERT_TRUE(member.wait_holding(3s)) << member.last().error;
	const std::size_t leader = three.leader();
	three.freeze(leader);
	const core::Time frozen = clock_now();
	const core::Time watched = frozen + 4s; // longer than the lease
	while (clock_now() < watched) {
		EXPECT_TRUE(member.last().holding) << member.last().error << ms(clock_now() - frozen);
		std::this_thread::sleep_for(50ms);
	}
	three.thaw(leader);
	std::this_thread::sleep_for(500ms);
	EXPECT_TRUE(member.last().holding);
	EXPECT_GT(member.last().held_until, clock_now());
}

TEST_F(WitnessWithEtcd, certificatesOfBothSidesAreChecked)
{
	const TemporaryDirectory directory;
	const Certificates certificates{directory.path()};
	if (!certificates.make_authority("authority"))
		GTEST_SKIP() << "the program openssl was not found by the build";
	ASSERT_TRUE(certificates.make_authority("stranger"));
	ASSERT_TRUE(certificates.sign("authority", "server", "127.0.0.1"));
	ASSERT_TRUE(certificates.sign("authority", "member", "127.0.0.9"));
	ASSERT_TRUE(certificates.sign("authority", "elsewhere", "127.0.0.2"));
	const EtcdCluster etcd_tls{1,
				   {.quick = true,
				    .certificate = certificates.certificate("server"),
				    .key = certificates.key("server"),
				    .ca = certificates.certificate("authority")}};
	ASSERT_TRUE(etcd_tls.ready());

	WitnessSettings good = settings("SYS1", etcd_tls.urls());
	good.ca_file = certificates.certificate("authority");
	good.certificate_file = certificates.certificate("member");
	good.key_file = certificates.key("member");
	{
		Member member{good};
		const core::Time wanted = clock_now();
		member.want(true);
		const auto acquired = member.wait_holding(3s);
		ASSERT_TRUE(acquired) << member.last().error;
		member.want(false);
		EXPECT_TRUE(member.wait_released());
		std::cout << "acquired over TLS after " << ms(*acquired - wanted) << " ms\n";
	}
	const auto refused = [](const WitnessSettings &wrong) {
		Member member{wrong};
		member.want(true);
		EXPECT_TRUE(
			member.wait_for(3s, [](const WitnessReport &r) { return !r.error.empty() && !r.reachable; }));
		EXPECT_FALSE(member.last().holding);
		return member.last().error;
	};
	WitnessSettings wrong = good;
	wrong.ca_file = certificates.certificate("stranger");
	EXPECT_NE(refused(wrong).find("certificate verify failed"), std::string::npos);
	wrong = good;
	wrong.certificate_file.clear();
	wrong.key_file.clear();
	EXPECT_NE(refused(wrong), "");
	const EtcdCluster misnamed{1,
				   {.quick = true,
				    .certificate = certificates.certificate("elsewhere"),
				    .key = certificates.key("elsewhere"),
				    .ca = certificates.certificate("authority")}};
	ASSERT_TRUE(misnamed.ready());
	wrong = good;
	wrong.endpoints = misnamed.urls();
	EXPECT_NE(refused(wrong).find("certificate verify failed"), std::string::npos)
		<< "its address is not in the certificate";
}

TEST_F(WitnessWithEtcd, settingsThatCannotWorkAreRefusedBeforeTheStart)
{
	const auto refused = [](const std::function<void(WitnessSettings &)> &spoil, const std::string &word) {
		WitnessSettings bad = settings("SYS1");
		spoil(bad);
		Witness witness{bad, [](const WitnessReport &) {}};
		std::string error;
		EXPECT_FALSE(witness.start(error));
		EXPECT_NE(error.find(word), std::string::npos) << error;
	};
	refused([](WitnessSettings &s) { s.endpoints.clear(); }, "endpoint");
	refused([](WitnessSettings &s) { s.endpoints = {"http://etcd.example:2379"}; }, "etcd.example");
	refused([](WitnessSettings &s) { s.key_prefix = "systole"; }, "prefix");
	refused([](WitnessSettings &s) { s.serial.clear(); }, "serial");
	refused([](WitnessSettings &s) { s.ttl = 0ms; }, "lease");
	refused([](WitnessSettings &s) { s.certificate_file = "member.pem"; }, "key file");
	refused([](WitnessSettings &s) { s.ca_file = "ca.pem"; }, "https");
	refused(
		[](WitnessSettings &s) {
			s.endpoints = {"https://127.0.0.1"};
			s.ca_file = "/nonexistent/ca.pem";
		},
		"/nonexistent/ca.pem");
}
