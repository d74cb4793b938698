// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/secret_text.h"

#include "tests/unit/config/array_watch.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace systole::control {

namespace {

void watch(const SecretText &secret)
{
	array_watch = {secret.view().data(), secret.size(), false, false};
}

TEST(SecretText, keeps_its_text_through_copies_and_moves)
{
	SecretText a("hunter2");
	SecretText b = a;
	EXPECT_EQ(b.view(), "hunter2");
	EXPECT_NE(static_cast<const void *>(b.view().data()), static_cast<const void *>(a.view().data()));
	const char *place = a.view().data();
	const SecretText c = std::move(a);
	EXPECT_EQ(c.view().data(), place) << "a move must not copy";
	EXPECT_EQ(c.view(), "hunter2");
	b = SecretText("other");
	EXPECT_EQ(b.view(), "other");
	EXPECT_FALSE(b == c);
	EXPECT_TRUE(SecretText{} == SecretText(""));
}

TEST(SecretText, is_wiped_when_it_is_destroyed)
{
	{
		const SecretText secret("correct horse battery staple");
		watch(secret);
	}
	EXPECT_TRUE(array_watch.was_freed);
	EXPECT_TRUE(array_watch.was_wiped);
}

TEST(SecretText, is_wiped_when_another_is_assigned)
{
	SecretText secret("correct horse battery staple");
	watch(secret);
	secret = SecretText("new");
	EXPECT_TRUE(array_watch.was_freed);
	EXPECT_TRUE(array_watch.was_wiped);
}

TEST(SecretText, the_watch_sees_what_is_not_wiped)
{
	char *plain = new char[8];
	std::fill_n(plain, 8, 'S');
	array_watch = {plain, 8, false, false};
	delete[] plain;
	EXPECT_TRUE(array_watch.was_freed);
	EXPECT_FALSE(array_watch.was_wiped);
}

} // namespace

} // namespace systole::control
