-- Names the commands; whatever they need is loaded when one of them is used.
if vim.g.loaded_fairlead then
  return
end
vim.g.loaded_fairlead = true

local commands = {
  Status = 'Show what fairlead has loaded, how fast it is, and why it offered nothing',
  Pause = 'Offer nothing until :FairleadResume',
  Resume = 'Offer again after :FairleadPause',
  Restart = 'Stop the server, if it runs, and start it again',
  Log = "Open the server's log",
}

for name, desc in pairs(commands) do
  vim.api.nvim_create_user_command('Fairlead' .. name, function()
    require('fairlead.commands')[name:lower()]()
  end, { desc = desc })
end

vim.api.nvim_create_autocmd('OptionSet', {
  group = vim.api.nvim_create_augroup('fairlead.sync', { clear = true }),
  pattern = { 'fileformat', 'endofline' },
  desc = 'fairlead: tell the server what lines end with',
  callback = function(event)
    if vim.v.option_command ~= 'setglobal' then
      require('fairlead.sync').send(event.buf ~= 0 and event.buf or vim.api.nvim_get_current_buf())
    end
  end,
})
