// SPDX-License-Identifier: MIT
#include "calls.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "atlas/core/errors.hpp"

namespace atlas_python {

namespace {

using namespace std::chrono_literals;

/// How often the main thread looks for signals, and how often progress is told at most.
constexpr auto between_looks = 50ms, between_reports = 20ms;

bool on_main_thread() {
  const nb::object threading = nb::module_::import_("threading");
  return threading.attr("current_thread")().is(threading.attr("main_thread")());
}

/// Whether Python is told of this step: a new stage, an end, or some time after the one before.
bool is_time_to_tell(std::string& last_stage, std::chrono::steady_clock::time_point& last,
                     const std::string& stage, bool ends) {
  // Parts of a call may have callbacks of their own. Nothing of Python happens under this lock.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  const auto now = std::chrono::steady_clock::now();
  if (stage == last_stage && !ends && now - last < between_reports) return false;
  last_stage = stage;
  last = now;
  return true;
}

/// Types of exceptions; they live as long as the interpreter.
struct error_types {
  PyObject *shape, *convergence, *cancelled;
};
error_types types = {};

PyObject* new_type(nb::module_& m, const char* name, PyObject* base, const char* doc) {
  const std::string full = std::string("atlas._atlas.") + name;
  PyObject* type = PyErr_NewExceptionWithDoc(full.c_str(), doc, base, nullptr);
  if (type == nullptr) throw nb::python_error();
  m.attr(name) = nb::handle(type);
  return type;
}

/// Raises it, with what the message was made of as attributes.
void raise(PyObject* type, const atlas::error& e) {
  const nb::object raised = nb::handle(type)(e.what());
  raised.attr("argument") = e.argument();
  raised.attr("expected") = e.expected();
  raised.attr("got") = e.got();
  PyErr_SetObject(type, raised.ptr());
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const atlas::shape_error& e) {
    raise(types.shape, e);
  } catch (const atlas::convergence_error& e) {
    raise(types.convergence, e);
  } catch (const atlas::cancelled& e) {
    raise(types.cancelled, e);
  } catch (const atlas::error& e) {
    raise(PyExc_ValueError, e);
  }
}

}  // namespace

std::string str_of(nb::handle x) {
  const nb::object text = nb::steal(PyObject_Str(x.ptr()));
  if (!text.is_valid()) throw nb::python_error();
  return nb::cast<std::string>(text);
}

void add_errors(nb::module_& m) {
  types.shape = new_type(m, "ShapeError", PyExc_ValueError,
                         "An array of another shape than is asked for, or an empty one.");
  types.convergence = new_type(m, "ConvergenceError", PyExc_ArithmeticError,
                               "An iteration that did not come to its end.");
  types.cancelled = new_type(m, "Cancelled", PyExc_KeyboardInterrupt,
                             "A call that was stopped because its progress returned False.");
  nb::register_exception_translator(translate);
}

bool watched_call::goes_on(state& s, const atlas::progress& p) {
  if (s.stopped) return false;
  if (s.progress.is_none()) return true;
  const std::string stage(p.stage);
  if (!is_time_to_tell(s.stage, s.told, stage, p.done == p.total)) return true;
  const nb::gil_scoped_acquire held;
  try {
    const nb::object answer = s.progress(stage, p.done, p.total);
    if (answer.ptr() == Py_False) s.stopped = true;
  } catch (nb::python_error&) {
    s.raised = std::current_exception();
    s.stopped = true;
  }
  return !s.stopped;
}

void watched_call::wait(state& s, const std::function<void()>& work) {
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  std::exception_ptr thrown;
  std::jthread worker([&] {
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    done = true;
    ended.notify_one();
  });
  std::unique_lock lock(mutex);
  while (!ended.wait_for(lock, between_looks, [&] { return done; })) {
    lock.unlock();
    {
      const nb::gil_scoped_acquire held;
      if (!s.stopped && PyErr_CheckSignals() != 0) {
        s.raised = std::make_exception_ptr(nb::python_error());
        s.stopped = true;
      }
    }
    lock.lock();
  }
  if (thrown) std::rethrow_exception(thrown);
}

void watched_call::run_to_end(const std::function<void()>& work) const {
  const bool watched = on_main_thread();
  try {
    const nb::gil_scoped_release released;
    if (watched)
      wait(*state_, work);
    else
      work();
  } catch (...) {
    if (!state_->raised) throw;
  }
  if (state_->raised) std::rethrow_exception(state_->raised);
}

}  // namespace atlas_python
