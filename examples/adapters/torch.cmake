# Programs that hold their tensors in LibTorch. Included where the target atlas::torch exists.
set(atlas_torch_examples ${CMAKE_CURRENT_LIST_DIR})

add_executable(example_torch ${atlas_torch_examples}/torch.cpp)
target_link_libraries(example_torch PRIVATE atlas::torch atlas_own_flags)
add_test(NAME "examples: tensors of LibTorch" COMMAND example_torch)
set_tests_properties("examples: tensors of LibTorch" PROPERTIES PASS_REGULAR_EXPRESSION
  "nothing copied +(1\\.[89]|2\\.[01]).*surrogates +[34]\\..*by its dtype +(1\\.[89]|2\\.[01]).*refused: tensor: expected dtype")

# A model in LibTorch, measured, and the library's own transformer on the same text.
if(TARGET atlas::io)
  add_executable(example_torch_attention ${atlas_torch_examples}/torch_attention.cpp)
  target_link_libraries(example_torch_attention PRIVATE atlas::torch atlas::io atlas_own_flags)
  add_test(NAME "examples: a model in LibTorch agrees with the reference"
    COMMAND example_torch_attention ${atlas_torch_examples}/../data/tiny-gpt2
            ${atlas_torch_examples}/../data/moby-dick.txt)
  set_tests_properties("examples: a model in LibTorch agrees with the reference" PROPERTIES
    PASS_REGULAR_EXPRESSION "LibTorch and the library's transformer agree")
endif()
