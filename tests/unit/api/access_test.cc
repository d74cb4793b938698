// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who may do what over the control socket.
#include "control/api/access.h"
#include "control/api/commands.h"
#include "tests/unit/api/fake_backend.h"
#include "tests/unit/api/temporary_directory.h"

#include <acl/libacl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace systole::control::test {
namespace {

constexpr uid_t daemon_user = 900;
const AccessGroups groups{.read = 3000, .write = 4000};

Access access_for(uid_t uid, std::vector<gid_t> memberships, const AccessGroups &let_in = groups)
{
	return access_of({.uid = uid, .groups = std::move(memberships)}, daemon_user, let_in);
}

TEST(Hostile, Z4_only_root_the_daemons_user_and_members_of_its_groups_get_in)
{
	EXPECT_EQ(access_for(0, {0}), Access::change);
	EXPECT_EQ(access_for(daemon_user, {900}), Access::change);
	EXPECT_EQ(access_for(1000, {4000}), Access::change);
	EXPECT_EQ(access_for(1000, {1000, 20, 4000}), Access::change); // a supplementary one
	EXPECT_EQ(access_for(1000, {1000, 3000}), Access::read);
	EXPECT_EQ(access_for(1000, {3000, 4000}), Access::change);
	EXPECT_EQ(access_for(1000, {1000, 0}), Access::none); // root's group is no root
	EXPECT_EQ(access_for(1000, {}), Access::none);
	EXPECT_EQ(access_for(1000, {3000, 4000}, {}), Access::none);
	EXPECT_EQ(access_for(0, {0}, {}), Access::change);
}

TEST(Hostile, Z4_who_may_only_read_is_refused_every_command_that_changes_something)
{
	FakeBackend backend;
	constexpr std::array changing{"execute ha failover set",
				      "execute ha failover unset",
				      "execute ha maintenance enable",
				      "execute ha maintenance disable",
				      "execute ha ssd fail",
				      "execute ha ssd ok",
				      "execute ha priority 9",
				      "execute ha override enable",
				      "execute ha override disable",
				      "diagnose sys ha reset-uptime",
				      "diagnose debug app hatalk debug"};
	for (const char *request : changing) {
		const ApiReply reply = answer(backend, request, Access::read);
		EXPECT_TRUE(reply.denied) << request;
		EXPECT_EQ(reply.body.at("error").at("code"), "not-permitted") << request;
		EXPECT_FALSE(answer(backend, request, Access::change).denied) << request;
	}
	for (const char *request :
	     {"get system ha status", "show system ha", "show system session-filter", "diagnose sys ha dump-by group",
	      "diagnose sys ha history read", "execute ha failover status", "events"})
		EXPECT_FALSE(answer(backend, request, Access::read).denied) << request;
}

TEST(SocketPeer, is_who_the_kernel_says_with_all_of_its_groups)
{
	std::array<int, 2> sockets{};
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets.data()), 0);
	const auto peer = peer_of(sockets[0]);
	ASSERT_TRUE(peer);
	EXPECT_EQ(peer->uid, geteuid());
	std::vector<gid_t> expected(1024);
	expected.resize(static_cast<std::size_t>(getgroups(static_cast<int>(expected.size()), expected.data())));
	expected.insert(expected.begin(), getegid());
	EXPECT_EQ(peer->groups, expected);
	close(sockets[0]);
	close(sockets[1]);
	EXPECT_FALSE(peer_of(-1));
}

TEST(SocketPeer, groups_are_let_in_by_a_list_that_leaves_others_out)
{
	const TemporaryDirectory directory;
	const std::string file = directory.path() + "/socket";
	std::ofstream{file} << "";
	ASSERT_EQ(chmod(file.c_str(), 0660), 0);
	std::string error;
	ASSERT_TRUE(open_to_groups(file, groups, 0660, error)) << error;
	const acl_t list = acl_get_file(file.c_str(), ACL_TYPE_ACCESS);
	ASSERT_NE(list, nullptr);
	char *const text = acl_to_any_text(list, nullptr, ',', TEXT_NUMERIC_IDS);
	EXPECT_STREQ(text, "user::rw-,group::rw-,group:3000:rw-,group:4000:rw-,mask::rw-,other::---");
	acl_free(text);
	acl_free(list);
	ASSERT_TRUE(open_to_groups(file, {}, 0660, error)) << error; // and it goes with the groups
	struct stat info {};
	ASSERT_EQ(stat(file.c_str(), &info), 0);
	EXPECT_EQ(info.st_mode & 0777, 0660U);
}

TEST(SocketPeer, a_group_is_found_by_name_or_number)
{
	EXPECT_EQ(group_of("root"), 0U);
	EXPECT_EQ(group_of("4711"), 4711U);
	EXPECT_FALSE(group_of("no such group"));
	EXPECT_FALSE(group_of("47x"));
}

} // namespace
} // namespace systole::control::test
