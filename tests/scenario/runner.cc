// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systole-scenarios DIRECTORY [gtest options]     plays every *.txt, each a test of its own
// systole-scenarios --rewrite FILE...             writes what really happened into the files; read the difference!
#include "tests/scenario/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

namespace {

std::string contents_of(const std::filesystem::path &path)
{
	std::ifstream in(path);
	return {std::istreambuf_iterator<char>(in), {}};
}

class Scenario : public testing::Test {
public:
	explicit Scenario(std::filesystem::path path) : m_path(std::move(path)) {}

	void TestBody() override
	{
		const std::string expected = contents_of(m_path);
		std::string found;
		try {
			found = systole::scenario::play(expected);
		} catch (const std::exception &error) {
			FAIL() << m_path << ": " << error.what();
		}
		EXPECT_EQ(expected, found) << m_path << " tells another story (found = what really happened)";
	}

private:
	std::filesystem::path m_path;
};

int rewrite(int count, char **files)
{
	for (int i = 0; i < count; ++i) {
		try {
			const std::string found = systole::scenario::play(contents_of(files[i]));
			std::ofstream(files[i]) << found;
		} catch (const std::exception &error) {
			std::cerr << files[i] << ": " << error.what() << "\n";
			return 1;
		}
	}
	return 0;
}

} // namespace

int main(int argc, char **argv)
{
	if (argc > 2 && std::string(argv[1]) == "--rewrite")
		return rewrite(argc - 2, argv + 2);
	testing::InitGoogleTest(&argc, argv);
	std::vector<std::filesystem::path> files;
	if (argc == 2 && std::filesystem::is_directory(argv[1]))
		for (const auto &entry : std::filesystem::directory_iterator(argv[1]))
			if (entry.path().extension() == ".txt")
				files.push_back(entry.path());
	if (files.empty()) {
		std::cerr << "usage: systole-scenarios DIRECTORY-WITH-SCENARIOS | --rewrite FILE...\n";
		return 2;
	}
	std::sort(files.begin(), files.end());
	for (const auto &path : files)
		testing::RegisterTest("Scenario", path.stem().c_str(), nullptr, nullptr, __FILE__, __LINE__,
				      [path]() -> Scenario * { return new Scenario(path); });
	return RUN_ALL_TESTS();
}
