# Writes the ctest file OUTPUT of the test program PROGRAM: one entry PREFIX/SUITE for each of its
# suites. A program with the sanitizers takes longer to start than most unit tests take, so it starts
# once for a suite and not once for a test. A suite with a skipped test counts as skipped.
execute_process(COMMAND ${PROGRAM} --gtest_list_tests OUTPUT_VARIABLE listed
  TIMEOUT 120 COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "(^|\n)[^ \n]+[.]" suites "${listed}")
set(entries "")
foreach(suite IN LISTS suites)
  string(REGEX REPLACE "^\n|[.]$" "" suite "${suite}")
  string(APPEND entries
    "add_test([=[${PREFIX}/${suite}]=] [=[${PROGRAM}]=] [=[--gtest_filter=${suite}.*]=])\n"
    "set_tests_properties([=[${PREFIX}/${suite}]=] PROPERTIES TIMEOUT 600 "
    "WORKING_DIRECTORY [=[${FOLDER}]=] SKIP_REGULAR_EXPRESSION [=[\\[  SKIPPED \\]]=])\n")
endforeach()
file(WRITE ${OUTPUT} "${entries}")
