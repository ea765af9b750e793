# SPDX-License-Identifier: MIT
# Runs two programs, which must print the same, and something.
foreach(program ONE OTHER)
  execute_process(COMMAND ${${program}} OUTPUT_VARIABLE of_${program} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
if(NOT of_ONE MATCHES "dimension" OR NOT of_ONE STREQUAL of_OTHER)
  message(FATAL_ERROR "${ONE} prints\n${of_ONE}\n${OTHER} prints\n${of_OTHER}")
endif()
