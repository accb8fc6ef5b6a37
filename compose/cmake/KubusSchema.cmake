# flatbuffer_schema(NAME FILES a.fbs … [OBJECT_API])
# Generates <build>/gen/schemas/<path>_generated.h for every file (paths relative to schemas/) and the target
# kubus_schema_<NAME>, which others depend on. OBJECT_API adds the costly object API: for small schemas only.
function(flatbuffer_schema NAME)
  cmake_parse_arguments(S "OBJECT_API" "" "FILES" ${ARGN})
  set(flags --cpp --cpp-std c++17 --scoped-enums --keep-prefix -I ${CMAKE_SOURCE_DIR}/schemas)
  if(S_OBJECT_API)
    list(APPEND flags --gen-object-api)
  endif()
  file(GLOB_RECURSE all_fbs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/schemas/*.fbs)
  foreach(file ${S_FILES})
    get_filename_component(dir ${file} DIRECTORY)
    get_filename_component(stem ${file} NAME_WE)
    set(out ${CMAKE_BINARY_DIR}/gen/schemas/${dir}/${stem}_generated.h)
    add_custom_command(OUTPUT ${out}
      COMMAND ${KUBUS_FLATC} ${flags} -o ${CMAKE_BINARY_DIR}/gen/schemas/${dir}
              ${CMAKE_SOURCE_DIR}/schemas/${file}
      DEPENDS ${all_fbs} VERBATIM)
    list(APPEND outs ${out})
  endforeach()
  add_custom_target(kubus_schema_${NAME}_gen DEPENDS ${outs})
  add_library(kubus_schema_${NAME} INTERFACE)
  add_dependencies(kubus_schema_${NAME} kubus_schema_${NAME}_gen)
  target_include_directories(kubus_schema_${NAME} SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/gen ${CMAKE_BINARY_DIR}/gen/schemas)
  target_link_libraries(kubus_schema_${NAME} INTERFACE ${KUBUS_FLATBUFFERS_LIBRARY})
endfunction()

# flatbuffer_reflection(FILE): the library kubus_reflection, which holds the reflection data (.bfbs) of FILE and all that it
# includes, as kubus_reflection_begin … kubus_reflection_end.
function(flatbuffer_reflection FILE)
  file(GLOB_RECURSE all_fbs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/schemas/*.fbs)
  get_filename_component(stem ${FILE} NAME_WE)
  set(out ${CMAKE_BINARY_DIR}/gen/reflection/${stem}.bfbs)
  add_custom_command(OUTPUT ${out}
    COMMAND ${KUBUS_FLATC} -b --schema --bfbs-comments --bfbs-builtins -I ${CMAKE_SOURCE_DIR}/schemas
            -o ${CMAKE_BINARY_DIR}/gen/reflection ${CMAKE_SOURCE_DIR}/schemas/${FILE}
    DEPENDS ${all_fbs} VERBATIM)
  set(embed ${CMAKE_BINARY_DIR}/gen/reflection/embed.c)
  file(CONFIGURE OUTPUT ${embed} CONTENT
"__asm__(\".section .rodata\\n.balign 16\\n\"
        \".global kubus_reflection_begin\\nkubus_reflection_begin:\\n.incbin \\\"@out@\\\"\\n\"
        \".global kubus_reflection_end\\nkubus_reflection_end:\\n.byte 0\\n.previous\\n\");\n" @ONLY)
  set_source_files_properties(${embed} PROPERTIES OBJECT_DEPENDS ${out})
  add_library(kubus_reflection STATIC ${embed})
endfunction()
